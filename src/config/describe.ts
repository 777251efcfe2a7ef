/*
  The settings as text, made from the table of keys: the file that `config init` writes, what `config
  print` shows, and the table of docs/reference/config.md.
*/
import type { GivenKeys } from './given.ts'
import { flagOf, KEY_NAMES, type Key, keySpec, variableOf } from './keys.ts'

/** A file with every key, each with its meaning and commented out at its default. */
export function exampleFile(): string {
  const lines = ['# Settings of a Kingbus node. Every key is also a flag and a variable:']
  lines.push('# source.start-at is --source-start-at and KINGBUS_SOURCE_START_AT.')
  let section = ''
  for (const key of KEY_NAMES) {
    const [first, rest] = splitKey(key)
    if (rest !== undefined && first !== section) lines.push('', `${first}:`)
    if (rest !== undefined) section = first
    lines.push(...exampleLines(key, rest === undefined ? '' : '  '))
  }
  return `${lines.join('\n')}\n`
}

function splitKey(key: Key): readonly [string, string | undefined] {
  const dot = key.indexOf('.')
  return dot < 0 ? [key, undefined] : [key.slice(0, dot), key.slice(dot + 1)]
}

function exampleLines(key: Key, indent: string): string[] {
  const { fallback, otherwise, help, placeholder } = keySpec(key)
  const last = splitKey(key)[1] ?? key
  const without = otherwise === undefined ? [] : [`${indent}# Without it: ${plain(otherwise)}.`]
  const value = fallback ?? placeholder
  return ['', `${indent}# ${plain(help)}.`, ...without, `${indent}#${last}: ${value}`]
}

function plain(text: string): string {
  return text.replaceAll('`', '')
}

/** One key as `config print` shows it; `place` is undefined for a default. */
export interface Setting {
  readonly key: Key
  readonly value: string | undefined
  readonly place: string | undefined
}

export function settings(given: GivenKeys): Setting[] {
  return KEY_NAMES.map((key) => {
    const found = given.get(key)
    return { key, value: found?.text ?? keySpec(key).fallback, place: found?.place }
  })
}

/** The Markdown table of docs/reference/config.md. */
export function keysTable(): string {
  const rows = KEY_NAMES.map((key) => {
    const { fallback, otherwise, help, placeholder, shortFlag } = keySpec(key)
    const flags = [flagOf(key), ...(shortFlag === undefined ? [] : [`--${shortFlag}`])]
    const names = [key, ...flags, variableOf(key)].map((name) => `\`${name}\``).join('<br>')
    const value = `\`${placeholder.replaceAll('|', '\\|')}\``
    const without = fallback === undefined ? (otherwise ?? '') : `\`${fallback}\``
    return `| ${names} | ${value} | ${without} | ${help} |`
  })
  return ['| key, flag, variable | value | default | meaning |', '|---|---|---|---|', ...rows].join(
    '\n',
  )
}
