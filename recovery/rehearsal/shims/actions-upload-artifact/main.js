"use strict";
require("./ask.js")("upload-artifact");
