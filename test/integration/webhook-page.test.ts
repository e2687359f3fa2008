import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { signedHeaders } from '../../src/webhook/signature.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/webhook.md'), 'utf8')

const codeIn = (language: string): string =>
  page.match(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms'))?.[1] ?? ''

const programs = {
  js: {
    command: [process.execPath, '--input-type=module', '--eval'],
    ask: "const [h, b, s] = process.argv.slice(1); console.log(verify(JSON.parse(h), Buffer.from(b, 'utf8'), s))",
  },
  python: {
    command: ['python3', '-c'],
    ask: 'import json, sys; h, b, s = sys.argv[1:]; print(str(verify(json.loads(h), b.encode(), s)).lower())',
  },
} as const

for (const [language, { command, ask }] of Object.entries(programs)) {
  t.test(`the page's ${language} tells our messages from others`, async t => {
    const [file = '', ...options] = command
    const missing = (await execa(file, ['--version'], { reject: false })).failed
    if (missing) return void t.pass(`${file} is not on this machine`)
    const verify = async (headers: object, body: string, secret: string): Promise<string> => {
      const code = `${codeIn(language)}\n${ask}`
      return (await execa(file, [...options, code, JSON.stringify(headers), body, secret])).stdout
    }
    const [at, body] = [new Date(), '{"ü":1}']
    for (const secret of ['plain text', `whsec_${Buffer.alloc(24, 'key').toString('base64')}`]) {
      const headers = signedHeaders(secret, { id: 'an-id', at, body })
      t.equal(await verify(headers, body, secret), 'true')
      t.equal(await verify(headers, `${body} `, secret), 'false', 'another body')
      t.equal(await verify({ ...headers, 'webhook-id': 'other' }, body, secret), 'false', 'another id')
      t.equal(await verify(headers, body, 'another secret'), 'false', 'another secret')
    }
    const old = signedHeaders('s', { id: 'an-id', at: new Date(at.getTime() - 400_000), body })
    t.equal(await verify(old, body, 's'), 'false', 'too old')
    t.equal(await verify({}, body, 's'), 'false', 'unsigned')
  })
}
