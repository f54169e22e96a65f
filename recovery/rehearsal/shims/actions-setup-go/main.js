"use strict";
require("./find.js")("go", ["go", "version"], (version) => ({ "go-version": version, "cache-hit": "false" }));
