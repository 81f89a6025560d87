"""Charts: pure functions from data to SVG markup; geometry in attributes, text escaped, no script, no style."""
