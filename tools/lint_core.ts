/**
 * The project's own lint rules, run by `deno lint`: what keeps the core free of any runtime.
 *
 * The core is everything in `src/` but `link/`, `entry/` and `cli/`. It gets its clock, its random
 * source and its transport passed in, so that one source runs in every runtime and every timing
 * behaviour can be tested in memory.
 *
 * @module
 */

/** Names that belong to one runtime or another, and never to the core. */
const RUNTIME_GLOBALS = new Set(["Deno", "Bun", "process", "Buffer", "require", "__dirname"]);

/** Specifiers of a runtime's own modules. */
const RUNTIME_MODULES = /^(node|bun|cloudflare|workerd|npm|jsr):/;

/** Rooms that are not the core. */
const OUTSIDE = /\/(link|entry|cli)\//;

function isCore(filename: string): boolean {
  const path = filename.replaceAll("\\", "/");
  const start = path.lastIndexOf("/src/");
  return start >= 0 && !OUTSIDE.test(path.slice(start + 4)) && !path.endsWith("_test.ts");
}

/** Whether an identifier is the name of a property or of a member, and so no global. */
function isMemberName(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  return (parent.type === "MemberExpression" && parent.property === node && !parent.computed) ||
    (parent.type === "Property" && parent.key === node && !parent.shorthand) ||
    parent.type === "MethodDefinition" || parent.type === "PropertyDefinition" ||
    parent.type === "TSPropertySignature" || parent.type === "TSMethodSignature";
}

function refuse(context: Deno.lint.RuleContext, node: Deno.lint.Node, name: string): void {
  context.report({
    node,
    message: `the core names no runtime: ${name} belongs in src/link/, src/entry/ or src/cli/`,
    hint: "pass in what is needed through an interface",
  });
}

const plugin: Deno.lint.Plugin = {
  name: "framewire",
  rules: {
    "core-names-no-runtime": {
      create(context) {
        if (!isCore(context.filename)) return {};
        const specifier = (node: Deno.lint.Node, source: Deno.lint.Node | null) => {
          if (source?.type !== "Literal" || typeof source.value !== "string") return;
          if (RUNTIME_MODULES.test(source.value)) refuse(context, node, source.value);
        };
        return {
          Identifier(node) {
            if (RUNTIME_GLOBALS.has(node.name) && !isMemberName(node)) {
              refuse(context, node, node.name);
            }
          },
          ImportDeclaration: (node) => specifier(node, node.source),
          ExportNamedDeclaration: (node) => specifier(node, node.source),
          ExportAllDeclaration: (node) => specifier(node, node.source),
          ImportExpression: (node) => specifier(node, node.source),
        };
      },
    },
    "no-console-in-core": {
      create(context) {
        if (!isCore(context.filename)) return {};
        return {
          MemberExpression(node) {
            if (node.object.type === "Identifier" && node.object.name === "console") {
              context.report({
                node,
                message: "the core prints nothing: emit an event, and let src/cli/ print it",
              });
            }
          },
        };
      },
    },
  },
};

export default plugin;
