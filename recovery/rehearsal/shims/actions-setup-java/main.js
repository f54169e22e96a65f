"use strict";
require("./find.js")("java", ["java", "-version"], (version) => ({
  version,
  path: process.env.JAVA_HOME || "",
  distribution: process.env.INPUT_DISTRIBUTION || "",
  "cache-hit": "false",
}));
