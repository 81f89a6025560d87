"""Two-word names for runs: `velvet-otter`."""

from __future__ import annotations

import random

LEAST, SHARED = 40, 25

ADJECTIVES = (
    "amber ample apt arctic autumn azure balmy bold brave breezy bright brisk calm candid careful cheerful chestnut "
    "civil clear clever cobalt copper coral cosy crimson crisp curious daring dapper dashing deft eager early earnest "
    "elegant emerald fair famous fancy fearless fleet fluent fond free fresh frosty gentle gifted gilded glad golden "
    "graceful grand green happy hardy hazel hearty honest humble indigo ivory jade jolly jovial keen kind lively loyal "
    "lucid lucky lunar magic maple mellow merry mighty mild mint misty modest nimble noble olive opal patient peach "
    "pearl placid plucky polite proud purple quick quiet radiant rapid rare ready regal robust rosy royal ruby rustic "
    "sage sandy scarlet serene sharp shiny silent silver simple sleek smart smooth snug solar solid spirited spry "
    "stable steady stellar sturdy subtle sunny swift tactful tidy timely topaz tranquil true trusty velvet vibrant "
    "violet vivid warm watchful wise witty zesty"
).split()

ANIMALS = (
    "albatross alpaca antelope badger bat beaver bee beetle bison boar bobcat buffalo butterfly camel caribou cat "
    "cheetah chinchilla cicada cobra condor cormorant cougar coyote crab crane cricket crow deer dingo dolphin donkey "
    "dormouse dove dragonfly duck eagle echidna eel egret elephant elk emu falcon ferret finch firefly flamingo fox "
    "frog gazelle gecko gibbon giraffe goat goose gopher grebe grouse gull hamster hare harrier hawk hedgehog heron "
    "hippo hornet horse hyena ibex ibis iguana impala jackal jaguar jay kestrel kingfisher kiwi koala koi ladybird "
    "lark lemming lemur leopard lion lizard llama lobster lynx macaw magpie mallard manatee mantis marlin marmot "
    "marten meerkat mole mongoose moose moth mouse mule narwhal newt nightingale ocelot octopus okapi orca oriole "
    "oryx osprey ostrich otter owl oyster panda panther parrot pelican penguin pheasant pigeon pika plover pony "
    "porcupine puffin puma quail rabbit raccoon raven robin salamander salmon seal shark sheep shrew skink sloth "
    "snail sparrow spider squid squirrel starling stoat stork swallow swan swift tapir teal tern thrush tiger toad "
    "tortoise toucan trout turtle viper vole vulture walrus warbler weasel whale wolf wombat woodpecker wren yak zebra"
).split()


def two_words(rng: random.Random | None = None) -> str:
    """A random name of an adjective and an animal, about 30,000 of them."""
    choose = (rng or random).choice
    return f"{choose(ADJECTIVES)}-{choose(ANIMALS)}"


def names_together(count: int) -> list[str]:
    """Random names for runs that are written together, no two alike as long as there are enough.

    Many of them share their adjectives, `SHARED` runs each, so that they lie together in an index.
    """
    adjectives = random.sample(ADJECTIVES, k=min(len(ADJECTIVES), max(LEAST, count // SHARED)))
    pairs = range(len(adjectives) * len(ANIMALS))
    chosen = random.sample(pairs, k=count) if count <= len(pairs) else random.choices(pairs, k=count)
    return [f"{adjectives[pair // len(ANIMALS)]}-{ANIMALS[pair % len(ANIMALS)]}" for pair in chosen]
