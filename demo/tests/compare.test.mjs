// The demo has to see a difference where there is one.
import assert from 'node:assert/strict';
import test from 'node:test';

import {canonical, equalValues, firstDifference, flatten} from '../compare.mjs';
import {inspect} from '../crash.mjs';

test('equal values are equal', () => {
    for (const [expected, actual] of [[5n, 5], [null, undefined], [null, null], ['a', 'a'], [0.1, 0.1 + 1e-12], [2, 2],
        [true, true], [{items: [1, 2.5]}, [1, 2.5]], [-0, 0]]) {
        assert.ok(equalValues(expected, actual), `${expected} and ${actual}`);
    }
});

test('different values differ', () => {
    for (const [expected, actual] of [[5n, 6], [5n, 5.5], [5n, '5'], [5n, null], [null, 0], [null, ''], ['a', 'b'],
        [0.1, 0.1001], [0.1, '0.1'], [1, null], [true, 1], [{items: [1, 2]}, [1]], [{items: [1]}, [2]],
        [9007199254740993n, 9007199254740992]]) {
        assert.ok(!equalValues(expected, actual), `${expected} and ${actual}`);
    }
});

test('rows are compared in order, by all keys of both', () => {
    assert.equal(firstDifference([{a: 1n}, {a: 2n}], [{a: 1}, {a: 2}]), null);
    assert.match(firstDifference([{a: 1n}], []), /0 rows instead of 1/);
    assert.match(firstDifference([{a: 1n}, {a: 2n}], [{a: 2}, {a: 1}]), /row 0, a: 2 instead of 1/);
    assert.match(firstDifference([{a: 1n}], [{a: 1, b: 2}]), /b: 2 instead of nothing/);
    assert.match(firstDifference([{a: 1n, b: 'x'}], [{a: 1}]), /b: nothing instead of "x"/);
});

test('nested objects become dotted names, lists stay', () => {
    assert.deepEqual(flatten({a: {b: {c: 1}, d: [{e: 1}]}, f: null}), {'a.b.c': 1, 'a.d': [{e: 1}], f: null});
});

test('canonical text ignores the order of keys, not of lists', () => {
    assert.equal(canonical({a: 1, b: [{c: null, d: 'x'}]}), canonical({b: [{d: 'x', c: null}], a: 1}));
    assert.notEqual(canonical([1, 2]), canonical([2, 1]));
    assert.notEqual(canonical({a: null}), canonical({}));
});

test('lost, doubled and half batches are counted', () => {
    const batches = [0, 1, 2].map((batch) => ({number: batch, documents: [{row: 0}, {row: 1}]}));
    const whole = new Map([[0, [0, 1]], [1, [1, 0]]]);
    assert.deepEqual(inspect(batches, new Set([0, 1]), whole),
        {lost: 0, doubled: 0, halved: 0, rows: 4, unacknowledged: 0});
    assert.equal(inspect(batches, new Set([0, 1, 2]), whole).lost, 2);
    assert.equal(inspect(batches, new Set([0, 1]), new Map([[0, [0, 1]], [1, [1]]])).lost, 1);
    assert.equal(inspect(batches, new Set([0]), new Map([[0, [0, 1, 1]]])).doubled, 1);
    assert.equal(inspect(batches, new Set([0]), new Map([[0, [0, 1]], [2, [0]]])).halved, 1);
});
