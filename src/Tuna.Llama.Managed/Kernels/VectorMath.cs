using System.Numerics;
using System.Runtime.CompilerServices;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Reductions and functions over rows, on <see cref="Vector{T}"/>: as wide as the processor's registers, correct without
/// them.</summary>
/// <remarks>
/// Why not TensorPrimitives here: its reductions take another order when the address of the data is aligned differently, so that the same
/// row would give other bits elsewhere in the batch; and its exponential goes through double precision. Sums here depend on values and
/// length alone.
/// </remarks>
internal static unsafe class VectorMath
{
    /// <summary>Sum of x[i] * y[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* x, float* y, int count)
    {
        int width = Vector<float>.Count;
        Vector<float> a = Vector<float>.Zero, b = Vector<float>.Zero;
        int i = 0;
        for (; i + (2 * width) <= count; i += 2 * width)
        {
            a = Vector.MultiplyAddEstimate(Vector.Load(x + i), Vector.Load(y + i), a);
            b = Vector.MultiplyAddEstimate(Vector.Load(x + i + width), Vector.Load(y + i + width), b);
        }

        float sum = Vector.Sum(a + b);
        for (; i < count; i++)
            sum += x[i] * y[i];
        return sum;
    }

    /// <summary>y[i] += factor * x[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(float factor, float* x, float* y, int count)
    {
        int width = Vector<float>.Count;
        var f = new Vector<float>(factor);
        int i = 0;
        for (; i + width <= count; i += width)
            Vector.MultiplyAddEstimate(f, Vector.Load(x + i), Vector.Load(y + i)).Store(y + i);
        for (; i < count; i++)
            y[i] += factor * x[i];
    }

    /// <summary>y[i] += sum over the four rows j of factors[j] * x[j * stride + i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(float* factors, float* x, int stride, float* y, int count)
    {
        int width = Vector<float>.Count;
        float* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
        Vector<float> f0 = new(factors[0]), f1 = new(factors[1]), f2 = new(factors[2]), f3 = new(factors[3]);
        int i = 0;
        for (; i + width <= count; i += width)
        {
            Vector<float> sum = Vector.MultiplyAddEstimate(f0, Vector.Load(x + i), Vector.Load(y + i));
            sum = Vector.MultiplyAddEstimate(f1, Vector.Load(x1 + i), sum);
            sum = Vector.MultiplyAddEstimate(f2, Vector.Load(x2 + i), sum);
            Vector.MultiplyAddEstimate(f3, Vector.Load(x3 + i), sum).Store(y + i);
        }

        for (; i < count; i++)
            y[i] += (factors[0] * x[i]) + (factors[1] * x1[i]) + (factors[2] * x2[i]) + (factors[3] * x3[i]);
    }

    /// <summary>x[i] *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float factor, float* x, int count)
    {
        int width = Vector<float>.Count;
        var f = new Vector<float>(factor);
        int i = 0;
        for (; i + width <= count; i += width)
            (Vector.Load(x + i) * f).Store(x + i);
        for (; i < count; i++)
            x[i] *= factor;
    }

    /// <summary>The largest of x; NaN when one of them is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Max(float* x, int count)
    {
        int width = Vector<float>.Count;
        float max = x[0];
        int i = 0;
        if (count >= width)
        {
            Vector<float> m = Vector.Load(x);
            for (i = width; i + width <= count; i += width)
                m = Vector.Max(m, Vector.Load(x + i));
            max = m[0];
            for (int j = 1; j < width; j++)
                max = MathF.Max(max, m[j]);
        }

        for (; i < count; i++)
            max = MathF.Max(max, x[i]);
        return max;
    }

    /// <summary>Sum of exp(scale * x[i] - shift), no value kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SumExp(float* x, int count, float scale, float shift)
    {
        int width = Vector<float>.Count;
        Vector<float> s = new(scale), h = new(-shift), sum = Vector<float>.Zero;
        int i = 0;
        for (; i + width <= count; i += width)
            sum += Exp(Vector.MultiplyAddEstimate(Vector.Load(x + i), s, h));
        double total = Vector.Sum(sum);
        for (; i < count; i++)
            total += Exp((x[i] * scale) - shift);
        return total;
    }

    /// <summary>y[i] = exp(scale * x[i] - shift); returns their sum. x and y may be the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double ExpSum(float* x, float* y, int count, float scale, float shift)
    {
        int width = Vector<float>.Count;
        Vector<float> s = new(scale), h = new(-shift), sum = Vector<float>.Zero;
        int i = 0;
        for (; i + width <= count; i += width)
        {
            Vector<float> e = Exp(Vector.MultiplyAddEstimate(Vector.Load(x + i), s, h));
            e.Store(y + i);
            sum += e;
        }

        double total = Vector.Sum(sum);
        for (; i < count; i++)
            total += y[i] = Exp((x[i] * scale) - shift);
        return total;
    }

    /// <summary>x[i] = factor * exp(x[i] - shift).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExpScaled(float* x, int count, float shift, float factor)
    {
        int width = Vector<float>.Count;
        Vector<float> h = new(shift), f = new(factor);
        int i = 0;
        for (; i + width <= count; i += width)
            (Exp(Vector.Load(x + i) - h) * f).Store(x + i);
        for (; i < count; i++)
            x[i] = Exp(x[i] - shift) * factor;
    }

    /// <summary>g[i] = scale * p[i] * (g[i] - dot): the gradient of the scores of a softmax from that of its probabilities p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftmaxBackward(float* p, float* g, int count, float dot, float scale)
    {
        int width = Vector<float>.Count;
        Vector<float> s = new(scale), d = new(dot);
        int i = 0;
        for (; i + width <= count; i += width)
            (Vector.Load(p + i) * s * (Vector.Load(g + i) - d)).Store(g + i);
        for (; i < count; i++)
            g[i] = p[i] * scale * (g[i] - dot);
    }

    /// <summary>Logistic function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Sigmoid(Vector<float> x) => Vector<float>.One / (Vector<float>.One + Exp(-x));

    /// <summary>Logistic function of one number, to the same accuracy as of a vector.</summary>
    public static float Sigmoid(float x) => Sigmoid(new Vector<float>(x))[0];

    /// <summary>Exponential of one number, to the same bits as of a vector.</summary>
    public static float Exp(float x) => Exp(new Vector<float>(x))[0];

    /// <summary>exp(x) to about two units in the last place for x in [-86.6, 88.3], the value at the nearer end outside it, NaN of
    /// NaN.</summary>
    /// <remarks>
    /// x = n ln 2 + r with |r| &lt;= ln 2 / 2 in two parts (Cody and Waite), a polynomial of degree 6 for e^r (Cephes' expf), then n added
    /// to the exponent. The ends keep n + 127 within an exponent; 2.5e-38 in place of 0 changes no sum of which the largest term is 1.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        // The native minimum and maximum give their second operand when one is NaN, so the order matters.
        x = Vector.MinNative(new Vector<float>(88.3f), Vector.MaxNative(new Vector<float>(-86.6f), x));
        // Adding 1.5 * 2^23 rounds to an integer, which then is in the lowest bits.
        var magic = new Vector<float>(12582912f);
        Vector<float> shifted = Vector.MultiplyAddEstimate(x, new Vector<float>(1.44269504f), magic);
        Vector<float> n = shifted - magic;
        Vector<float> r = Vector.MultiplyAddEstimate(n, new Vector<float>(-0.693359375f), x);
        r = Vector.MultiplyAddEstimate(n, new Vector<float>(2.12194440e-4f), r);
        Vector<float> p = new(1.9875691500e-4f);
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1.3981999507e-3f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(8.3334519073e-3f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(4.1665795894e-2f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1.6666665459e-1f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(5.0000001201e-1f));
        p = Vector.MultiplyAddEstimate(p, r * r, r + Vector<float>.One);
        return Vector.AsVectorSingle(Vector.AsVectorInt32(p) + Vector.ShiftLeft(Vector.AsVectorInt32(shifted), 23));
    }
}
