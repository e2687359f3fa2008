/** Where a client finds its server, and what opens it. */
export interface ServerAddress {
  /** Without a slash at its end. */
  readonly url: string
  /** Empty: none. */
  readonly apiKey: string
}

const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1', '[::]': '::1' }

/** The server that listens on a host and a port; a wildcard address means this machine. */
export function urlOf(host: string, port: number): string {
  const name = wildcards[host] ?? host
  return `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`
}
