"use strict";
require("./ask.js")("setup-python");
