import { readFileSync } from 'node:fs'
import { hasCode } from './error-code.ts'

/** Both ends of a TCP connection, as a socket of ours has them. */
export interface Connection {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

const tables = ['/proc/net/tcp', '/proc/net/tcp6']
const established = '01'

/**
 * The user whose process is at the other end of a connection over this machine's loopback; undefined when the kernel does
 * not say. Where its owner has closed it, the kernel says root, and it counts as nobody's here. Linux alone has this, see
 * proc_net_tcp(5).
 */
export function userAtOtherEnd(connection: Connection): number | undefined {
  const { localAddress = '', localPort, remoteAddress = '', remotePort } = connection
  const [theirs, ours] = [`${plain(remoteAddress)}:${remotePort}`, `${plain(localAddress)}:${localPort}`]
  for (const row of tables.flatMap(rowsOf)) {
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode: the other end's row begins with its own.
    const [, local = '', remote = '', state, , , , uid, , inode] = row.trim().split(/\s+/)
    if (endOf(local) !== theirs || endOf(remote) !== ours) continue
    if (state === established && inode !== '0') return Number(uid)
  }
  return undefined
}

function rowsOf(table: string): string[] {
  try {
    return readFileSync(table, 'utf8').split('\n').slice(1)
  } catch (error) {
    // No IPv6, or no Linux.
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

/** `0100007F:1F90` is 127.0.0.1:8080: an address is in words of four bytes, the last byte of each first. */
function endOf(text: string): string {
  const [address = '', port = ''] = text.split(':')
  const [, v4] = /^(?:0{16}FFFF0000)?([0-9A-F]{8})$/.exec(address) ?? []
  const dotted = v4
    ?.match(/../g)
    ?.toReversed()
    .map(byte => Number.parseInt(byte, 16))
  const shown = dotted?.join('.') ?? (/^0{24}01000000$/.test(address) ? '::1' : address)
  return `${shown}:${Number.parseInt(port, 16)}`
}
