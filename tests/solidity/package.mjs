// The modules of the package in contracts/abi: constants, and the types that `as const` would give them, so that nobody
// needs a TypeScript compiler to make them.

/** The name of an interface's constant: IVault → vaultAbi, IERC20Permit → erc20PermitAbi. */
export function constantOf(name) {
  const bare = name.replace(/^I(?=[A-Z])/, "");
  return `${bare.replace(/^[A-Z]+(?=[0-9]|[A-Z][a-z])|^[A-Z]/, (head) => head.toLowerCase())}Abi`;
}

/** A module with an ABI. */
export function abiModule(constant, source, abi) {
  const note = `/** The ABI of ${source}. */\n`;
  const list = (write) => `[\n${abi.map((entry) => `  ${write(entry)},\n`).join("")}]`;
  return {
    js: `${note}export const ${constant} = ${list(JSON.stringify)};\n`,
    types: `${note}export declare const ${constant}: readonly ${list(typeOf)};\n`,
  };
}

/** The module with the addresses of deployments: chain id → contract → address. */
export function addressModule(addresses) {
  const note = "/** The contracts of each deployment by chain id. Empty: nothing is deployed for use. */\n";
  return {
    js: `${note}export const addresses = ${JSON.stringify(addresses, null, 2)};\n`,
    types: `${note}export declare const addresses: ${typeOf(addresses)};\n`,
  };
}

/** The module that hands on all others. */
export function indexModule(names) {
  const lines = names.map((name) => `export * from "./${name}.js";\n`).join("");
  return { js: lines, types: lines };
}

/** The type of a constant. */
function typeOf(value) {
  if (Array.isArray(value)) return `readonly [${value.map(typeOf).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `readonly ${JSON.stringify(key)}: ${typeOf(field)}`);
  return `{ ${fields.join("; ")} }`;
}
