"use strict";
require("../ask.js")("cache-save");
