using System.Globalization;

namespace Tuna.Tokenizers.Json;

/// <summary>
/// Reads numbers as serde_json does without its feature float_roundtrip: the digits as a whole number, divided by a power of ten.
/// </summary>
/// <remarks>That rounds twice. The last bit decides which of two segmentations of equal score a unigram model takes.</remarks>
internal static class RustNumber
{
    private const int LargestPower = 308;

    /// <summary>The value of a number in JSON's spelling; infinite when it is out of range.</summary>
    public static double Parse(ReadOnlySpan<char> text)
    {
        ulong digits = 0;
        int exponent = 0, at = 0;
        bool negative = text[0] == '-', fraction = false, full = false;
        for (at = negative ? 1 : 0; at < text.Length && text[at] is not ('e' or 'E'); at++)
        {
            if (text[at] == '.')
            {
                fraction = true;
                continue;
            }

            uint digit = (uint)(text[at] - '0');
            full |= digits > (ulong.MaxValue - digit) / 10;
            if (!full)
                digits = (digits * 10) + digit;
            if (full != fraction)
                exponent += full ? 1 : -1;
        }

        if (at < text.Length)
        {
            if (!int.TryParse(text[(at + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int scale)
                || Math.Abs((long)scale) > 100_000)
                return double.PositiveInfinity;
            exponent += scale;
        }

        double value = Scaled(digits, exponent);
        return negative ? -value : value;
    }

    private static double Scaled(double value, int exponent)
    {
        for (; exponent < -LargestPower && value != 0; exponent += LargestPower)
            value /= 1e308;
        if (exponent > LargestPower)
            return value == 0 ? 0 : double.PositiveInfinity;
        double power = double.Parse($"1e{Math.Abs(Math.Max(exponent, -LargestPower))}", CultureInfo.InvariantCulture);
        return exponent >= 0 ? value * power : value / power;
    }
}
