"use strict";
require("./ask.js")("cache-post");
