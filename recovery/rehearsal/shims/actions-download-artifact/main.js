"use strict";
require("./ask.js")("download-artifact");
