import type { Kind } from './kinds.ts'

export const httpUrl: Kind<string> = {
  allowed: 'an http:// or https:// address without credentials',
  parse: value => {
    const url = URL.parse(value)
    // URL drops blanks and newlines that whoever is sent the text would not.
    const fits =
      url && !/\s/.test(value) && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
    return fits ? value : undefined
  },
}

/** For what paths are put behind. */
export const baseUrl: Kind<string> = {
  allowed: `${httpUrl.allowed}, ? and #`,
  parse: (value, home) => (/[?#]/.test(value) ? undefined : httpUrl.parse(value, home)),
}

/** For what a token is sent to. */
export const apiUrl: Kind<string> = {
  allowed: 'an https:// address without credentials (http:// on this machine alone)',
  parse: (value, home) => {
    const url = URL.parse(value)
    const isSafe = url?.protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '')
    return isSafe ? httpUrl.parse(value, home) : undefined
  },
}

export const hosts: Kind<readonly string[]> = {
  allowed: 'host names with commas between them',
  list: true,
  parse: value => {
    const names = value.split(',').map(name => name.trim().toLowerCase())
    return names.every(name => /^[a-z0-9.-]+$/.test(name)) ? names : undefined
  },
}

export const port: Kind<number> = {
  allowed: 'a port from 0 to 65535; 0 is any that is free',
  unset: isServiceLink,
  parse: value => (/^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : undefined),
}

export const host: Kind<string> = {
  allowed: 'a host name or an IP address',
  unset: isServiceLink,
  parse: value => (/^[A-Za-z0-9.:_[\]-]+$/.test(value) ? value : undefined),
}

/** Kubernetes sets `AGENTICORE_PORT=tcp://…` for a Service named agenticore. */
function isServiceLink(value: string): boolean {
  return value.startsWith('tcp://')
}
