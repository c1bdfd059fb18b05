using System.Numerics;
using Tuna.Llama.Managed.Kernels;

namespace Tuna.Llama.Managed.Tests.Kernels;

public unsafe class VectorMathTests
{
    public static TheoryData<int> Lengths
    {
        get
        {
            var data = new TheoryData<int>();
            foreach (int n in (int[])[1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 1000])
                data.Add(n);
            return data;
        }
    }

    [Fact]
    public void Exp_OverItsRange_IsWithinThreeUnitsInTheLastPlace()
    {
        for (double x = -86.5; x < 88.2; x += 0.00137)
        {
            double expected = Math.Exp((float)x), actual = VectorMath.Exp((float)x);
            double unit = (double)MathF.BitIncrement((float)expected) - (float)expected;
            Assert.True(Math.Abs(actual - expected) <= 3 * unit, $"exp({x}) = {expected}, got {actual}");
        }
    }

    [Fact]
    public void Exp_OutsideItsRange_StaysAtTheEnds()
    {
        Assert.InRange(VectorMath.Exp(-1000f), 0f, 1e-37f);
        Assert.InRange(VectorMath.Exp(float.NegativeInfinity), 0f, 1e-37f);
        Assert.InRange(VectorMath.Exp(1000f), 1e38f, float.MaxValue);
        Assert.Equal(1f, VectorMath.Exp(0f));
    }

    [Fact]
    public void Exp_OfNaN_IsNaN() => Assert.True(float.IsNaN(VectorMath.Exp(float.NaN)));

    [Fact]
    public void Sigmoid_ManyValues_MatchesDoublePrecision()
    {
        for (double x = -80; x < 80; x += 0.0171)
            Assert.Equal(1 / (1 + Math.Exp(-(float)x)), VectorMath.Sigmoid((float)x), 3e-7);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Reductions_LengthsAroundTheVectorWidth_MatchDoublePrecision(int n)
    {
        using var x = new TestMatrix(1, n, 7);
        using var y = new TestMatrix(1, n, 8);
        double dot = 0, max = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < n; i++)
        {
            dot += (double)x[0, i] * y[0, i];
            max = Math.Max(max, x[0, i]);
            sum += Math.Exp((x[0, i] * 0.5) - 0.25);
        }

        Assert.Equal(dot, VectorMath.Dot(x.Data, y.Data, n), 1e-4);
        Assert.Equal((float)max, VectorMath.Max(x.Data, n));
        Assert.Equal(sum, VectorMath.SumExp(x.Data, n, 0.5f, 0.25f), sum * 1e-6);
        x.AssertGuards();
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void ElementWise_LengthsAroundTheVectorWidth_MatchDoublePrecision(int n)
    {
        using var x = new TestMatrix(1, n, 7);
        using var y = new TestMatrix(1, n, 8);
        double[,] a = x.ToDoubles(), b = y.ToDoubles();
        VectorMath.AddScaled(0.7f, x.Data, y.Data, n);
        for (int i = 0; i < n; i++)
            b[0, i] += 0.7f * a[0, i];
        y.AssertClose(b, 1e-6);

        VectorMath.SoftmaxBackward(x.Data, y.Data, n, 0.3f, 2f);
        for (int i = 0; i < n; i++)
            b[0, i] = a[0, i] * 2 * (b[0, i] - 0.3f);
        y.AssertClose(b, 1e-6);

        VectorMath.Scale(3, y.Data, n);
        for (int i = 0; i < n; i++)
            b[0, i] *= 3;
        y.AssertClose(b, 1e-6);

        double sum = VectorMath.ExpSum(x.Data, y.Data, n, 1, 0.5f), expected = 0;
        for (int i = 0; i < n; i++)
            expected += b[0, i] = Math.Exp(a[0, i] - 0.5);
        y.AssertClose(b, 1e-6);
        Assert.Equal(expected, sum, expected * 1e-6);

        VectorMath.ExpScaled(x.Data, n, 0.5f, -2);
        for (int i = 0; i < n; i++)
            b[0, i] *= -2;
        x.AssertClose(b, 1e-6);
    }

    [Fact]
    public void Max_WithANaN_IsNaN()
    {
        using var x = new TestMatrix(1, 37, 1);
        x[0, 20] = float.NaN;
        Assert.True(float.IsNaN(VectorMath.Max(x.Data, 37)));
        Assert.True(Vector<float>.Count > 0);
    }
}
