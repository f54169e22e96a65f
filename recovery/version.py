"""The version of this program, where it can be read without anything being installed."""

VERSION = "0.1.0"
