using FsCheck;
using FsCheck.Fluent;
using Tuna.Evaluation.Measures;

namespace Tuna.Evaluation.Tests.Measures;

public class AgreementTests
{
    private const double Tolerance = 1e-12; // a few roundings of exact small numbers

    [Fact]
    public void AverageRanks_Ties_ShareTheirMean()
    {
        var ranks = new double[5];

        Agreement.AverageRanks([3, 9, 3, 3, 1], ranks);

        Assert.Equal([3, 1, 3, 3, 5], ranks);
    }

    // Hand-worked: ranks of a 1..5, of b 2,1,4,3,5: sum of d^2 = 4, rho = 1 - 6*4/(5*24) = 0.8; 8 of 10 pairs concordant, tau = 0.6.
    [Fact]
    public void SpearmanAndTau_HandWorkedCase_Agree()
    {
        Assert.Equal(0.8, Agreement.Spearman([5, 4, 3, 2, 1], [4, 5, 2, 3, 1]), Tolerance);
        Assert.Equal(0.6, Agreement.KendallTauB([5, 4, 3, 2, 1], [4, 5, 2, 3, 1]), Tolerance);
        Assert.Equal(0.8, Agreement.PairwiseAccuracy([5, 4, 3, 2, 1], [4, 5, 2, 3, 1]), Tolerance);
    }

    [Fact]
    public void Ties_HandWorkedCase_AreCorrected()
    {
        double[] a = [1, 2, 2, 3], b = [1, 3, 2, 2];
        // Pairs: 01 ++, 02 ++, 03 ++, 12 tied in a, 13 +-, 23 tied in b. C = 3, D = 1, untied in a 5, in b 5: tau-b = 2/5.
        Assert.Equal(0.4, Agreement.KendallTauB(a, b), Tolerance);
        // Ascending ranks a 1,2.5,2.5,4; b 1,4,2.5,2.5; deviations multiply to 2.25 + 0 + 0 + 0 = 2.25; squares 4.5 and 4.5: rho = 0.5.
        Assert.Equal(0.5, Agreement.Spearman(a, b), Tolerance);
        // The truth orders 5 pairs: 3 right, 1 wrong, 1 tied.
        Assert.Equal(3.5 / 5, Agreement.PairwiseAccuracy(a, b), Tolerance);
    }

    // Three judges, four items: rank sums 4, 6, 8, 12 (mean 7.5): S = 12.25 + 2.25 + 0.25 + 20.25 = 35; W = 12*35/(9*60) = 7/9.
    [Fact]
    public void KendallW_HandWorkedCase() =>
        Assert.Equal(7.0 / 9, Agreement.KendallW([[-1, -2, -3, -4], [-1, -3, -2, -4], [-2, -1, -3, -4]]), Tolerance);

    [Fact]
    public void KendallW_Extremes_AreOneAndZero()
    {
        Assert.Equal(1, Agreement.KendallW([[4, 3, 2, 1], [40, 30, 20, 10]]), Tolerance);
        Assert.Equal(0, Agreement.KendallW([[4, 3, 2, 1], [1, 2, 3, 4]]), Tolerance);
        Assert.Equal(1, Agreement.KendallW([[3, 3, 1], [5, 5, 2]]), Tolerance); // the tie correction makes equal rankings with ties agree
        Assert.Equal(1, Agreement.KendallW([[1, 1], [2, 2]]), Tolerance);
    }

    [Fact]
    public void TooFewOrAllTied_IsNaN()
    {
        Assert.Equal(double.NaN, Agreement.Spearman([1], [2]));
        Assert.Equal(double.NaN, Agreement.KendallTauB([1, 1], [1, 2]));
        Assert.Equal(double.NaN, Agreement.PairwiseAccuracy([1, 1], [1, 2]));
        Assert.Equal(double.NaN, Agreement.KendallW([[1, 2]]));
    }

    [Fact]
    public void BadInput_IsRejected()
    {
        Assert.Throws<ArgumentException>(() => Agreement.Spearman([1, 2], [1]));
        Assert.Throws<ArgumentException>(() => Agreement.KendallTauB([1, double.NaN], [1, 2]));
        Assert.Throws<ArgumentException>(() => Agreement.KendallW([[1, 2], [1, 2, 3]]));
    }

    // W of two judges without ties is (rho + 1) / 2: an identity that ties the two computations together.
    [Fact]
    public void KendallW_TwoJudges_MatchesSpearman() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Shuffle(Enumerable.Range(0, 8).ToArray()).Two().ToArbitrary(),
        pair =>
        {
            double[] a = [.. pair.Item1.Select(x => (double)x)], b = [.. pair.Item2.Select(x => (double)x)];
            Assert.Equal((Agreement.Spearman(a, b) + 1) / 2, Agreement.KendallW([a, b]), 1e-9);
            Assert.Equal((Agreement.KendallTauB(a, b) + 1) / 2, Agreement.PairwiseAccuracy(a, b), 1e-9);
            Assert.Equal(Agreement.Spearman(a, b), Agreement.Spearman(b, a), 1e-12);
        }));
}
