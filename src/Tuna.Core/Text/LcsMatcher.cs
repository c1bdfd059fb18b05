using System.Buffers;
using System.Numerics;

namespace Tuna.Text;

/// <summary>Lengths of longest common subsequences of one pattern with many texts, by bit-vectors: 64 cells of the table in one
/// addition.</summary>
/// <remarks>
/// The recurrence V = (V + (V and M)) or (V and not M) of M. Crochemore et al., "A fast and practical bit-vector algorithm for the longest
/// common subsequence problem" (2001), as H. Hyyrö states it (2004); the zeros of V are the answer. W = ceil(pattern / 64) words with
/// carries, O(text x W). A mutable class with pooled buffers: used by one thread, disposed by its owner.
/// </remarks>
internal sealed class LcsMatcher : IDisposable
{
    private ulong[] _slotKeys = []; // open addressing, [slots]
    private int[] _slotSymbols = []; // symbol + 1, 0 = free, [slots]
    private ulong[] _masks = []; // positions of each symbol in the pattern, [symbols, W]
    private int[] _counts = []; // occurrences of each symbol, [symbols]
    private int[] _seen = []; // scratch of CommonTokens, [symbols]
    private ulong[] _row = []; // V, [W]
    private int _slotMask;
    private int _words;
    private int _symbols;
    private int _patternLength;

    /// <summary>Sets the pattern.</summary>
    public void SetPattern(ReadOnlySpan<ulong> pattern)
    {
        int m = pattern.Length;
        int slots = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, 2 * m));
        _patternLength = m;
        _slotMask = slots - 1;
        _words = (m + 63) >> 6;
        _symbols = 0;
        Rent(ref _slotKeys, slots);
        Rent(ref _slotSymbols, slots);
        Rent(ref _counts, m);
        Rent(ref _seen, m);
        Rent(ref _row, _words);
        _slotSymbols.AsSpan(0, slots).Clear();
        _counts.AsSpan(0, m).Clear();

        // Symbols are counted before their masks are laid out, so that repeated words cost no space.
        foreach (ulong key in pattern)
        {
            int slot = Slot(key);
            if (_slotSymbols[slot] == 0)
            {
                _slotKeys[slot] = key;
                _slotSymbols[slot] = ++_symbols;
            }

            _counts[_slotSymbols[slot] - 1]++;
        }

        int size = checked(_symbols * _words);
        Rent(ref _masks, size);
        _masks.AsSpan(0, size).Clear();
        for (int i = 0; i < m; i++)
        {
            int symbol = _slotSymbols[Slot(pattern[i])] - 1;
            _masks[(symbol * _words) + (i >> 6)] |= 1UL << (i & 63);
        }
    }

    /// <summary>Length of the longest common subsequence of the pattern and a text.</summary>
    public int Length(ReadOnlySpan<ulong> text) => _words switch
    {
        0 => 0,
        1 => LengthInOneWord(text),
        _ => LengthInWords(text),
    };

    /// <summary>How many tokens pattern and text share regardless of order: an upper bound of <see cref="Length"/>.</summary>
    public int CommonTokens(ReadOnlySpan<ulong> text)
    {
        Span<int> left = _seen.AsSpan(0, _symbols);
        _counts.AsSpan(0, _symbols).CopyTo(left);
        int common = 0;
        foreach (ulong key in text)
        {
            int symbol = _slotSymbols[Slot(key)] - 1;
            if (symbol >= 0 && left[symbol]-- > 0)
                common++;
        }

        return common;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Return(ref _slotKeys);
        Return(ref _slotSymbols);
        Return(ref _masks);
        Return(ref _counts);
        Return(ref _seen);
        Return(ref _row);
        _words = _symbols = _patternLength = 0;
    }

    private int LengthInOneWord(ReadOnlySpan<ulong> text)
    {
        ulong v = ulong.MaxValue;
        foreach (ulong key in text)
        {
            int symbol = _slotSymbols[Slot(key)] - 1;
            if (symbol < 0)
                continue; // M = 0 leaves V as it is
            ulong u = v & _masks[symbol];
            v = (v + u) | (v - u);
        }

        return BitOperations.PopCount(~v & LastWordMask());
    }

    private int LengthInWords(ReadOnlySpan<ulong> text)
    {
        Span<ulong> v = _row.AsSpan(0, _words);
        v.Fill(ulong.MaxValue);
        foreach (ulong key in text)
        {
            int symbol = _slotSymbols[Slot(key)] - 1;
            if (symbol < 0)
                continue;
            ReadOnlySpan<ulong> mask = _masks.AsSpan(symbol * _words, v.Length);
            ulong carry = 0;
            for (int w = 0; w < v.Length; w++)
            {
                ulong x = v[w];
                ulong u = x & mask[w];
                ulong sum = x + u;
                ulong overflow = sum < x ? 1UL : 0UL;
                sum += carry;
                carry = overflow | (sum < carry ? 1UL : 0UL);
                v[w] = sum | (x - u); // u is a subset of x: no borrow
            }
        }

        int zeros = 0;
        for (int w = 0; w < v.Length - 1; w++)
            zeros += BitOperations.PopCount(~v[w]);
        return zeros + BitOperations.PopCount(~v[^1] & LastWordMask());
    }

    private ulong LastWordMask() => (_patternLength & 63) == 0 ? ulong.MaxValue : (1UL << (_patternLength & 63)) - 1;

    private int Slot(ulong key)
    {
        int slot = (int)((key * 0x9E3779B97F4A7C15UL) >> 32) & _slotMask;
        while (_slotSymbols[slot] != 0 && _slotKeys[slot] != key)
            slot = (slot + 1) & _slotMask;
        return slot;
    }

    private static void Rent<T>(ref T[] array, int length)
    {
        if (array.Length >= length && array.Length > 0)
            return;
        Return(ref array);
        array = ArrayPool<T>.Shared.Rent(Math.Max(1, length));
    }

    private static void Return<T>(ref T[] array)
    {
        if (array.Length > 0)
            ArrayPool<T>.Shared.Return(array);
        array = [];
    }
}
