using System.Globalization;
using System.Numerics;

namespace Tuna.Evaluation.PythonSemantics;

/// <summary>Rounding and averaging as the official scripts do them, where rounded numbers are part of a score's definition.</summary>
internal static class PythonRounding
{
    /// <summary>Python's <c>round(value, digits)</c>: the exact binary value is rounded, halves to even.</summary>
    /// <remarks>Scaling first, as <see cref="Math.Round(double, int)"/> does, gives another result where the product is not exact: 2.675 is
    /// below its half, 267.5 is not.</remarks>
    public static double Round(double value, int digits)
    {
        if (value == 0 || !double.IsFinite(value))
            return value;
        long bits = BitConverter.DoubleToInt64Bits(Math.Abs(value));
        int exponent = (int)(bits >> 52);
        BigInteger numerator = bits & ((1L << 52) - 1) | (exponent == 0 ? 0 : 1L << 52);
        int shift = Math.Max(exponent, 1) - 1075; // value = numerator * 2^shift
        numerator *= BigInteger.Pow(10, digits);
        if (shift >= 0)
            return value; // a whole number
        BigInteger unit = BigInteger.One << -shift;
        BigInteger quotient = BigInteger.DivRem(numerator, unit, out BigInteger rest);
        int comparison = (rest * 2).CompareTo(unit);
        if (comparison > 0 || (comparison == 0 && !quotient.IsEven))
            quotient++;
        double rounded = double.Parse(string.Create(CultureInfo.InvariantCulture, $"{quotient}e-{digits}"), CultureInfo.InvariantCulture);
        return Math.CopySign(rounded, value);
    }

    /// <summary>NumPy's <c>round(value, 1)</c>, which scales first.</summary>
    public static double NumpyRound1(double value) => Math.Round(value * 10, MidpointRounding.ToEven) / 10;

    /// <summary>NumPy's <c>mean</c>, which sums in eight lanes: the last bit depends on it. For up to 128 values.</summary>
    public static double NumpyMean(ReadOnlySpan<double> values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(values.Length, 128, nameof(values));
        double sum = 0;
        int i = 0;
        if (values.Length >= 8)
        {
            Span<double> lanes = stackalloc double[8];
            values[..8].CopyTo(lanes);
            for (i = 8; i + 8 <= values.Length; i += 8)
            {
                for (int k = 0; k < 8; k++)
                    lanes[k] += values[i + k];
            }

            sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
        }

        for (; i < values.Length; i++)
            sum += values[i];
        return sum / values.Length;
    }
}
