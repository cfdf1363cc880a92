// Compiles the sources in this folder to NAME.hex: the code that the account carries.
// npm install --no-save solc@0.8.37 && node build.mjs [--check]
import fs from 'node:fs'
import path from 'node:path'
import solc from 'solc'

const here = path.dirname(new URL(import.meta.url).pathname)
const settings = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: 'cancun',
  metadata: { bytecodeHash: 'none', appendCBOR: false },
}
function compile(name, language, output) {
  const sources = { source: { content: fs.readFileSync(path.join(here, name), 'utf8') } }
  const outputSelection = { '*': { '*': [output] } }
  const result = JSON.parse(solc.compile(JSON.stringify({ language, sources, settings: { ...settings, outputSelection } })))
  const errors = (result.errors ?? []).filter(e => e.severity === 'error')
  if (errors.length) throw new Error(errors.map(e => e.formattedMessage).join('\n'))
  return result.contracts.source
}
/** Of a Yul object only the whole init code comes out: the runtime is what its first bytes copy. */
function yulRuntime(contracts) {
  const init = Object.values(contracts)[0].evm.bytecode.object
  return init.slice(init.indexOf('f3fe') + 4)
}
const solidity = name => compile(`${name}.sol`, 'Solidity', 'evm.deployedBytecode.object')[name].evm.deployedBytecode.object
const codes = {
  'cache-manager': solidity('CacheManager'),
  'stylus-deployer': solidity('StylusDeployer'),
  'block-hashes': yulRuntime(compile('BlockHashes.yul', 'Yul', 'evm.bytecode.object')),
}
for (const [name, code] of Object.entries(codes)) {
  const file = path.join(here, name + '.hex')
  const text = `0x${code}\n`
  if (process.argv.includes('--check')) {
    if (fs.readFileSync(file, 'utf8') !== text) throw new Error(`${name}.hex is not what its source compiles to`)
  } else fs.writeFileSync(file, text)
  console.log(`${name}: ${code.length / 2} bytes`)
}
