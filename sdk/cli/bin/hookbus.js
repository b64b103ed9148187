#!/usr/bin/env node
// The command `hookbus`. Outside of dist, so that npm can link it before anything is built.
import { main } from "../dist/main.js";

await main();
