/**
 * The two forms in which a server sends roomcast.js; the Rust server does the same in the same steps.
 * In: the text of roomcast.js. Out: what answers `socket.io.esm.min.js` and `socket.io.js`.
 * Odd: this works on lines only, so roomcast.js promises to have no string that spans lines and no
 * line of code that begins with `*`, `/*` or `//`; the tests run on what comes out of here.
 */

/** Drops indentation, blank lines and comment lines. */
export const moduleForm = (source) =>
  source
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !/^(\/\/|\/\*|\*)/.test(line))
    .join("\n") + "\n";

/** The classic script: the line marked `module-only` gives way to a global `io`. */
export const classicForm = (source) =>
  `globalThis.io = (() => { "use strict";\n${moduleForm(source).replace(/^export .*\/\/ module-only\n$/m, "")}return io; })();\n`;
