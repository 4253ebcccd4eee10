"""The settings of `script/bench list`: the product's, with one more page beside its own."""

from liaison.settings_test import *

ROOT_URLCONF = "tests.bench.list_site.urls"
