// Sizes and counts as people read them. Pure.

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const PLAIN = new Intl.NumberFormat('en');

/** "3.8 MB"; a BigInt scalar arrives as text or number. */
export function byteSize(value: string | number): string {
  const bytes = Number(value);
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = -1;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit] ?? 'kB'}`;
}

/** "1.2K" for cards and charts. */
export function compactCount(value: string | number): string {
  return COMPACT.format(Number(value));
}

/** "12,345". */
export function plainCount(value: string | number): string {
  return PLAIN.format(Number(value));
}

/** "99.2 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share >= 0.9995 || share === 0 ? 0 : 1)} %`;
}

/** "1st", "2nd", "3rd", "11th". */
export function ordinal(value: number): string {
  const tens = value % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th');
  return `${value}${suffix}`;
}
