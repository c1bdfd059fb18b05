using System.Collections;
using System.Collections.Concurrent;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Conformance;

public abstract partial class ScorerConformance
{
    [Fact]
    public void AnyMember_WhileAnotherThreadIsInside_ThrowsInvalidOperation()
    {
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        double[] expected = Scores(model, groups), found = [];
        using var waiting = new WaitingGroups(groups);
        var inside = new Thread(() => found = Scores(model, waiting));
        inside.Start();
        try
        {
            waiting.Entered.Wait(TimeSpan.FromSeconds(30));
            foreach (Action<ITrainableScorer> use in Uses(groups, folder.Root))
                Assert.Throws<InvalidOperationException>(() => use(model));
            Assert.Throws<InvalidOperationException>(model.Dispose);
        }
        finally
        {
            waiting.GoOn.Set();
            inside.Join();
        }

        Assert.Equal(expected, found);
        Assert.Equal(expected, Scores(model, groups));
    }

    [Fact]
    public void Score_FromManyThreads_GivesRightNumbersOrThrows()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        double[] expected = Scores(model, groups);
        var wrong = new ConcurrentBag<string>();
        int right = 0;
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 30; i++)
            {
                try
                {
                    if (Scores(model, groups).SequenceEqual(expected))
                        Interlocked.Increment(ref right);
                    else
                        wrong.Add("another number");
                }
                catch (InvalidOperationException)
                {
                    // Refused, as it may be.
                }
                catch (Exception e)
                {
                    wrong.Add(e.ToString());
                }
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.Empty(wrong);
        Assert.True(right > 0);
    }

    [Fact]
    public void Backward_FromASecondThread_IsRefusedWhileTheModelIsBusy()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Accumulate(model, groups, Gradient(groups));
        double norm = model.GradientNorm();
        model.ClearGradients();
        using IForwardPass pass = model.Forward(groups);
        int done = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            try
            {
                pass.Backward(Gradient(groups));
                Interlocked.Increment(ref done);
            }
            catch (InvalidOperationException)
            {
                // Busy, or done already.
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.Equal(1, done);
        Assert.Equal(norm, model.GradientNorm());
    }

    /// <summary>Groups that keep whoever reads them waiting.</summary>
    private sealed class WaitingGroups(TokenGroup[] groups) : IReadOnlyList<TokenGroup>, IDisposable
    {
        private int _test;

        public ManualResetEventSlim Entered { get; } = new();

        public ManualResetEventSlim GoOn { get; } = new();

        public int Count => groups.Length;

        public TokenGroup this[int index]
        {
            get
            {
                Wait();
                return groups[index];
            }
        }

        public IEnumerator<TokenGroup> GetEnumerator()
        {
            if (!Entered.IsSet && Interlocked.Increment(ref _test) > 1)
                Wait(); // the first enumeration is the test's own, which counts the responses
            return groups.AsEnumerable().GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose()
        {
            Entered.Dispose();
            GoOn.Dispose();
        }

        private void Wait()
        {
            Entered.Set();
            GoOn.Wait(TimeSpan.FromMinutes(1));
        }
    }
}
