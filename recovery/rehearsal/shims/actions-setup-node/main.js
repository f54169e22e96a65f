"use strict";
require("./ask.js")("setup-node");
