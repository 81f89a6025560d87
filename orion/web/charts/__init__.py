"""Charts: pure functions from data to SVG markup; geometry in attributes, every text escaped, no script and no style."""
