// A Stylus program by hand, small enough to read: it answers what it is asked with.
import { brotliCompressSync, constants } from "node:zlib";

const text = (value) => [value.length, ...Buffer.from(value)];
const section = (id, ...bytes) => [id, bytes.length, ...bytes];

const READ_ARGS = [...text("vm_hooks"), ...text("read_args"), 0, 0];
const WRITE_RESULT = [...text("vm_hooks"), ...text("write_result"), 0, 1];
const I32 = 0x7f;

// (func (export "user_entrypoint") (param $length i32) (result i32)
//   (call $read_args (i32.const 0)) (call $write_result (i32.const 0) (local.get $length)) (i32.const 0))
const BODY = [0, 0x41, 0, 0x10, 0, 0x41, 0, 0x20, 0, 0x10, 1, 0x41, 0, 0x0b];

/** The module. */
export const ECHO = Buffer.from([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, 3, 0x60, 1, I32, 0, 0x60, 2, I32, I32, 0, 0x60, 1, I32, 1, I32),
  ...section(2, 2, ...READ_ARGS, ...WRITE_RESULT),
  ...section(3, 1, 2),
  ...section(5, 1, 1, 1, 1),
  ...section(7, 2, ...text("memory"), 2, 0, ...text("user_entrypoint"), 0, 2),
  ...section(10, 1, BODY.length, ...BODY),
]);

/** Code of an account that holds a program: the prefix, then the module, compressed. */
export const ECHO_CODE = Buffer.concat([
  Buffer.from([0xef, 0xf0, 0x00, 0x00]),
  brotliCompressSync(ECHO, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 } }),
]);

/** Init code that leaves `code` as the account's code. */
export function initCode(code) {
  const length = code.length.toString(16).padStart(64, "0");
  return `0x7f${length}80602b6000396000f300${code.toString("hex")}`;
}

/** Arbitrum's precompile that activates programs. */
export const ARB_WASM = "0x0000000000000000000000000000000000000071";
export const ARB_WASM_ABI = [
  "function activateProgram(address program) payable returns (uint16 version, uint256 dataFee)",
  "function programVersion(address program) view returns (uint16 version)",
  "error ProgramNotActivated()",
];

/** What puts programs into the cache, on each Arbitrum development chain at this address. */
export const CACHE_MANAGER = "0x2F8Bd4EaB69764c105aDd7dE7CB0402557a44E6f";
export const CACHE_MANAGER_ABI = [
  "function placeBid(address program) payable",
  "function getMinBid(address program) view returns (uint192)",
  "error AlreadyCached(bytes32 codehash)",
  "error ProgramNotActivated()",
];
export const ARB_WASM_CACHE = "0x0000000000000000000000000000000000000072";
export const ARB_WASM_CACHE_ABI = [
  "function allCacheManagers() view returns (address[])",
  "function codehashIsCached(bytes32 codehash) view returns (bool)",
];
