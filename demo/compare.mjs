// Whether the server's rows are DuckDB's: integers and text exactly, doubles within a relative 1e-9 (the order
// in which doubles are added differs), null and absent are one.
const TOLERANCE = 1e-9;

export function equalValues(expected, actual) {
    if (expected === null || expected === undefined) return actual === null || actual === undefined;
    if (typeof expected === 'bigint') return Number.isSafeInteger(actual) && BigInt(actual) === expected;
    if (typeof expected === 'number') {
        if (typeof actual !== 'number') return false;
        return Math.abs(expected - actual) <= TOLERANCE * Math.max(Math.abs(expected), Math.abs(actual));
    }
    if (Array.isArray(expected?.items)) return equalLists(expected.items, actual);  // DuckDB's list value
    return expected === actual;
}

function equalLists(expected, actual) {
    return Array.isArray(actual) && actual.length === expected.length &&
        expected.every((value, index) => equalValues(value, actual[index]));
}

// {"a": {"b": 1}} -> {"a.b": 1}: how columns of nested objects are named.
export function flatten(fields, prefix = '', into = {}) {
    for (const [key, value] of Object.entries(fields)) {
        const nested = value !== null && typeof value === 'object' && !Array.isArray(value);
        if (nested) flatten(value, `${prefix}${key}.`, into);
        else into[prefix + key] = value;
    }
    return into;
}

// The first difference as text, or null. Both in the same order.
export function firstDifference(expected, actual) {
    if (expected.length !== actual.length) return `${actual.length} rows instead of ${expected.length}`;
    for (let row = 0; row < expected.length; row++) {
        const keys = new Set([...Object.keys(expected[row]), ...Object.keys(actual[row])]);
        for (const key of keys) {
            if (!equalValues(expected[row][key], actual[row][key])) {
                return `row ${row}, ${key}: ${show(actual[row][key])} instead of ${show(expected[row][key])}`;
            }
        }
    }
    return null;
}

const show = (value) => typeof value === 'bigint' ? String(value) : JSON.stringify(value) ?? 'nothing';

// Text that is the same for equal JSON values, whatever the order of their keys.
export function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
    if (value !== null && typeof value === 'object') {
        return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
    }
    return JSON.stringify(value);
}
