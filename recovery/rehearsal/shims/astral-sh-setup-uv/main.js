"use strict";
require("./ask.js")("setup-uv");
