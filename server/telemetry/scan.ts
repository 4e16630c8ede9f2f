/**
 * Owns the quick way through a batch: compact ASCII JSON of events that all count, as devices write it, read in one pass
 * without an object for each event. It refuses nothing: for everything else it answers null, and bodies.ts judges. What it
 * takes, bodies.ts takes with the same result; a property test watches.
 */
import { isAscii } from 'node:buffer';
import { type BatchOutside, PACKED_NUMBERS, type PackedEvents, parseEmptied, timeRejection } from './bodies.ts';
import { clockShiftMs } from './clock-skew.ts';
import type { Field } from './event-fields.ts';
import { EVENT_TYPES, type EventTypeInfo } from './events-schema.ts';
import { instantMs, LONG_LENGTH, SHORT_LENGTH, utcMs } from './instant.ts';
import { DAY_MS, TELEMETRY_LIMITS } from './limits.ts';
import { metricOfField, packValue } from './metrics.ts';

export interface ScannedBatch {
  readonly batch: BatchOutside;
  readonly events: PackedEvents;
}

const [QUOTE, COMMA, DOT, ZERO, BACKSLASH, OPEN, CLOSE, SPACE] = [0x22, 0x2c, 0x2e, 0x30, 0x5c, 0x7b, 0x7d, 0x20];
const EVENTS = '"events":[';
/** Characters around the events; what is really sent has about 400. */
const MAX_OUTSIDE = 4_096;
/** Digits up to which a decimal fraction and a double are one to one. */
const MAX_DIGITS = 15;
/** JavaScript writes smaller numbers with an exponent. */
const MAX_FRACTION = 6;
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

interface ScanField {
  /** `"name":` */
  readonly key: string;
  readonly field: Field;
  readonly metric: number;
}

interface ScanType {
  readonly info: EventTypeInfo;
  readonly fields: readonly ScanField[];
  readonly required: number;
}

/** The types whose name has so many characters. */
const TYPES_BY_LENGTH: readonly (readonly ScanType[])[] = Array.from({ length: 65 }, (_, length) =>
  EVENT_TYPES.filter(({ name }) => name.length === length).map(scanType),
);

function scanType(info: EventTypeInfo): ScanType {
  const fields = [...info.data.fields].map(([name, field]) => ({
    key: `"${name}":`,
    field,
    metric: metricOfField(info.key, name),
  }));
  return { info, fields, required: fields.filter(({ field }) => field.required).length };
}

/** A batch whose events all count, received at `nowMs`; null for anything that is not for this way. Never throws. */
export function scanBatch(bytes: Buffer, nowMs: number): ScannedBatch | null {
  if (!isAscii(bytes)) return null;
  const text = bytes.toString('latin1');
  const start = text.indexOf(EVENTS) + EVENTS.length;
  // After the events nothing has a bracket, so the last one is theirs; were it not, they would not end there.
  const end = text.lastIndexOf(']');
  if (start < EVENTS.length || end <= start || start + text.length - end > MAX_OUTSIDE) return null;
  const batch = parseEmptied(jsonOrNull(text.slice(0, start) + text.slice(end)));
  if (batch === null) return null;
  const events = new Scanner(bytes, text, nowMs, batch).events(start, end);
  return events === null ? null : { batch, events };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The numbers of a batch being read, before their count is known. */
const scratch = new Int32Array(TELEMETRY_LIMITS.maxEventsPerBatch * PACKED_NUMBERS);
/** The data of a batch being read. Pieces of the text would keep all of it in memory until the batch is stored. */
const dataScratch = Buffer.alloc(TELEMETRY_LIMITS.maxDecodedBytes);

/** One pass over the events of one text. Positions are -1 once something is not for this way. */
class Scanner {
  readonly #bytes: Uint8Array;
  /** The same as text, of which the standard library compares parts. */
  readonly #text: string;
  readonly #nowMs: number;
  readonly #consent: boolean;
  readonly #shiftMs: number;
  readonly #values: number[] = [];
  /** Metrics and values of the event being read. */
  readonly #metrics: number[] = [];
  readonly #measured: number[] = [];
  /** The number just read. */
  #number = 0;
  #dataLength = 0;
  #filled = 0;

  constructor(bytes: Uint8Array, text: string, nowMs: number, batch: BatchOutside) {
    this.#bytes = bytes;
    this.#text = text;
    this.#nowMs = nowMs;
    this.#consent = batch.consent;
    this.#shiftMs = clockShiftMs(instantMs(batch.sent_at), nowMs);
  }

  /** The events between two positions, packed; null where one is not for this way. */
  events(start: number, end: number): PackedEvents | null {
    for (let at = start; ; at += 1) {
      if (this.#filled === scratch.length) return null;
      at = this.#event(at);
      if (at < 0 || at > end) return null;
      if (at === end) break;
      if (this.#text.charCodeAt(at) !== COMMA) return null;
    }
    return {
      numbers: scratch.slice(0, this.#filled),
      data: dataScratch.toString('latin1', 0, this.#dataLength),
      values: new Int32Array(this.#values),
    };
  }

  /** Takes the event at a position in; the position after it. */
  #event(from: number): number {
    const text = this.#text;
    let type: ScanType | undefined;
    let atMs = Number.NaN;
    let data = -1;
    let dataEnd = -1;
    let isRead = false;
    let at = from;
    if (text.charCodeAt(at) !== OPEN) return -1;
    do {
      at += 1;
      if (type === undefined && text.startsWith('"type":"', at)) {
        type = typeAt(text, at + 8);
        if (type === undefined) return -1;
        at += 9 + type.info.name.length;
      } else if (Number.isNaN(atMs) && text.startsWith('"at":"', at)) {
        const length = text.charCodeAt(at + 6 + SHORT_LENGTH) === QUOTE ? SHORT_LENGTH : LONG_LENGTH;
        atMs = utcMs(text, at + 6, length) + this.#shiftMs;
        if (Number.isNaN(atMs) || text.charCodeAt(at + 6 + length) !== QUOTE) return -1;
        at += 7 + length;
      } else if (data < 0 && text.startsWith('"data":{', at)) {
        data = at + 7;
        // The type says what the data may be; where it comes later, so does the reading of the data.
        isRead = type !== undefined;
        dataEnd = type === undefined ? flatEnd(text, data) : this.#fields(type, data);
        if (dataEnd < 0) return -1;
        at = dataEnd;
      } else return -1;
    } while (text.charCodeAt(at) === COMMA);
    if (text.charCodeAt(at) !== CLOSE || type === undefined) return -1;
    if (data >= 0 && !isRead && this.#fields(type, data) !== dataEnd) return -1;
    return this.#store(type.info, atMs, data, dataEnd) ? at + 1 : -1;
  }

  #store(info: EventTypeInfo, atMs: number, data: number, dataEnd: number): boolean {
    if (info.needsConsent && !this.#consent) return false;
    if (timeRejection(atMs, this.#nowMs) !== null || (data < 0 && !info.data.optional)) return false;
    const day = Math.floor(atMs / DAY_MS);
    scratch[this.#filled] = info.key;
    scratch[this.#filled + 1] = day;
    scratch[this.#filled + 2] = atMs - day * DAY_MS;
    scratch[this.#filled + 3] = data < 0 ? -1 : dataEnd - data;
    this.#filled += PACKED_NUMBERS;
    if (data < 0) return true;
    for (let at = data; at < dataEnd; at += 1) {
      dataScratch[this.#dataLength] = this.#bytes[at] ?? 0;
      this.#dataLength += 1;
    }
    for (let i = 0; i < this.#metrics.length; i += 1)
      packValue(this.#values, this.#metrics[i] ?? 0, day, this.#measured[i] ?? 0);
    return true;
  }

  /** Reads the data at a position, whose text is what JSON.stringify would make of it; the position after it. */
  #fields(type: ScanType, from: number): number {
    const text = this.#text;
    this.#metrics.length = 0;
    this.#measured.length = 0;
    let at = from + 1;
    let seen = 0;
    let required = 0;
    if (text.charCodeAt(at) === CLOSE) return type.required === 0 ? at + 1 : -1;
    for (; ; at += 1) {
      let index = 0;
      while (index < type.fields.length && !text.startsWith(type.fields[index]?.key ?? '', at)) index += 1;
      const found = type.fields[index];
      if (found === undefined || (seen & (1 << index)) !== 0) return -1;
      seen |= 1 << index;
      if (found.field.required) required += 1;
      at = this.#value(found, at + found.key.length);
      if (at < 0) return -1;
      if (text.charCodeAt(at) === CLOSE) return required === type.required ? at + 1 : -1;
      if (text.charCodeAt(at) !== COMMA) return -1;
    }
  }

  /** Reads a field's value at a position; the position after it. */
  #value({ field, metric }: ScanField, at: number): number {
    const text = this.#text;
    switch (field.kind) {
      case 'number': {
        const end = this.#decimal(at);
        if (end < 0 || !field.accepts(this.#number)) return -1;
        if (metric === 0) return end;
        this.#metrics.push(metric);
        this.#measured.push(this.#number);
        return end;
      }
      case 'boolean':
        if (text.startsWith('true', at)) return at + 4;
        return text.startsWith('false', at) ? at + 5 : -1;
      case 'string': {
        const end = stringEnd(text, at);
        return end < 0 || !field.accepts(text.slice(at + 1, end - 1)) ? -1 : end;
      }
    }
  }

  /**
   * Reads digits with at most six of them after a point, as JavaScript itself writes the number: then text and double are
   * one to one, and the quotient of the two whole numbers below is that double.
   */
  #decimal(from: number): number {
    const text = this.#text;
    let at = from;
    let value = 0;
    let digit = text.charCodeAt(at) - ZERO;
    for (; digit >= 0 && digit <= 9; digit = text.charCodeAt(at) - ZERO) {
      value = value * 10 + digit;
      at += 1;
    }
    const whole = at - from;
    if (whole === 0 || whole > MAX_DIGITS || (whole > 1 && text.charCodeAt(from) === ZERO)) return -1;
    this.#number = value;
    if (text.charCodeAt(at) !== DOT) return at;
    at += 1;
    digit = text.charCodeAt(at) - ZERO;
    for (; digit >= 0 && digit <= 9; digit = text.charCodeAt(at) - ZERO) {
      value = value * 10 + digit;
      at += 1;
    }
    const fraction = at - from - whole - 1;
    const isPlain = fraction > 0 && fraction <= MAX_FRACTION && whole + fraction <= MAX_DIGITS;
    if (!isPlain || text.charCodeAt(at - 1) === ZERO) return -1;
    this.#number = value / (POWERS[fraction] ?? 1);
    return at;
  }
}

/** The type whose name and closing quote are at a position. */
function typeAt(text: string, at: number): ScanType | undefined {
  let end = at;
  while (end - at < TYPES_BY_LENGTH.length && text.charCodeAt(end) !== QUOTE) end += 1;
  for (const type of TYPES_BY_LENGTH[end - at] ?? []) if (text.startsWith(type.info.name, at)) return type;
  return undefined;
}

/** The position after the string at a position; -1 where it has anything that is written otherwise than it is meant. */
function stringEnd(text: string, from: number): number {
  if (text.charCodeAt(from) !== QUOTE) return -1;
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) return at + 1;
    if (char === BACKSLASH || char < SPACE) return -1;
  }
  return -1;
}

/** The position after the object at a position, if it has no objects in it and no escapes. */
function flatEnd(text: string, from: number): number {
  for (let at = from + 1; at > 0 && at < text.length; ) {
    const char = text.charCodeAt(at);
    if (char === CLOSE) return at + 1;
    at = char === QUOTE ? stringEnd(text, at) : at + 1;
  }
  return -1;
}
