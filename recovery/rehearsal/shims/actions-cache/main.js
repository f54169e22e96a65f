"use strict";
require("./ask.js")("cache-restore");
