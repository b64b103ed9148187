// Package entry for `import … from "@hookbus/plugin-as"`: the AssemblyScript compiler looks for index.ts in the package's folder.
export * from "./assembly/index";
