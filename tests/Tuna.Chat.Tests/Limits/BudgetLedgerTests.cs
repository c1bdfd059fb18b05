using Tuna.Chat.Limits;
using Tuna.IO;
using Tuna.Testing;

namespace Tuna.Chat.Tests.Limits;

public sealed class BudgetLedgerTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string File => _folder["out.budget.jsonl"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ReserveAsync_OfTwoHolders_CountsBothAgainstOneLimit()
    {
        using BudgetLedger a = await BudgetLedger.OpenAsync(File), b = await BudgetLedger.OpenAsync(File);
        long first = await a.ReserveAsync(60, 0, 100, null, default);
        await a.SettleAsync(first, new CallUsage(1, 40, 15));
        long second = await b.ReserveAsync(45, 0, 100, null, default);
        await b.SettleAsync(second, new CallUsage(1, 30, 10));
        BudgetExhaustedException e = await Assert.ThrowsAsync<BudgetExhaustedException>(() => a.ReserveAsync(6, 0, 100, null, default));
        Assert.Contains("95 are spent", e.Message, StringComparison.Ordinal);
        Assert.Contains(Path.GetFullPath(File), e.Message, StringComparison.Ordinal);
        await a.SettleAsync(await a.ReserveAsync(5, 0, 100, null, default), new CallUsage(1, 5, 0));
        Assert.Equal(100, a.UsedTokens);
    }

    [Fact]
    public async Task ReserveAsync_BesideACallUnderWayOfAnother_WaitsUntilItHasSettled()
    {
        using BudgetLedger a = await BudgetLedger.OpenAsync(File), b = await BudgetLedger.OpenAsync(File);
        long claim = await a.ReserveAsync(90, 0, 100, null, default);
        Task<long> waiting = b.ReserveAsync(50, 0, 100, null, default);
        await Task.Delay(50);
        Assert.False(waiting.IsCompleted);
        await a.SettleAsync(claim, new CallUsage(1, 20, 10));
        await b.SettleAsync(await waiting, CallUsage.None);
        Assert.Equal(30, b.UsedTokens);
    }

    [Fact]
    public async Task ReserveAsync_AfterAHolderDied_CountsWhatItHadSetAside()
    {
        using BudgetLedger a = await BudgetLedger.OpenAsync(File);
        using (BudgetLedger dead = await BudgetLedger.OpenAsync(File))
            await dead.ReserveAsync(70, 7, 100, 10, default); // gone without settling
        BudgetExhaustedException e = await Assert.ThrowsAsync<BudgetExhaustedException>(() => a.ReserveAsync(40, 1, 100, 10, default));
        Assert.Contains("runs that died", e.Message, StringComparison.Ordinal);
        Assert.Equal((70, 7m), (a.UsedTokens, a.UsedCost));
        await a.ReserveAsync(30, 3, 100, 10, default);
        // Nobody settles what was lost.
        Assert.Single(System.IO.File.ReadLines(File), line => line.Contains("lost", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ReserveAsync_InMoney_HoldsItsLimit()
    {
        using BudgetLedger a = await BudgetLedger.OpenAsync(File), b = await BudgetLedger.OpenAsync(File);
        await a.SettleAsync(await a.ReserveAsync(10, 0.6m, null, 1, default), new CallUsage(1, 5, 5, 0.55m));
        await Assert.ThrowsAsync<BudgetExhaustedException>(() => b.ReserveAsync(10, 0.5m, null, 1, default));
        await b.ReserveAsync(10, 0.45m, null, 1, default);
    }

    [Fact]
    public async Task OpenAsync_WithWhatAJournalHolds_CountsItOnce()
    {
        for (int run = 0; run < 3; run++)
        {
            using BudgetLedger ledger = await BudgetLedger.OpenAsync(File, "a.calls.jsonl", new CallUsage(2, 30, 10, 0.5m));
            Assert.Equal((40, 0.5m), (ledger.UsedTokens, ledger.UsedCost));
        }

        using BudgetLedger other = await BudgetLedger.OpenAsync(File, "b.calls.jsonl", new CallUsage(1, 1, 1));
        Assert.Equal(42, other.UsedTokens);
    }

    [Fact]
    public async Task OpenAsync_AfterHalfALine_TakesItAway()
    {
        using (BudgetLedger ledger = await BudgetLedger.OpenAsync(File))
            await ledger.SettleAsync(await ledger.ReserveAsync(10, 0, 100, null, default), new CallUsage(1, 4, 4));
        string whole = System.IO.File.ReadAllText(File);
        System.IO.File.AppendAllText(File, "{\"claim\":1,\"by\":0,\"tok");
        using BudgetLedger again = await BudgetLedger.OpenAsync(File);
        Assert.Equal(8, again.UsedTokens);
        Assert.StartsWith(whole, System.IO.File.ReadAllText(File), StringComparison.Ordinal);
        await again.ReserveAsync(92, 0, 100, null, default);
    }

    [Theory]
    [InlineData("{\"settle\":5,\"calls\":1,\"input\":1,\"output\":1,\"cost\":0}", "line 2")]
    [InlineData("{\"claim\":0,\"by\":0,\"tokens\":-5,\"cost\":0}", "not negative")]
    [InlineData("{\"claim\":3,\"by\":0,\"tokens\":5,\"cost\":0}", "in their order")]
    [InlineData("not json", "line 2")]
    [InlineData("[]", "line 2")]
    [InlineData("{}", "line 2")]
    public async Task OpenAsync_WithADamagedLine_NamesIt(string line, string expected)
    {
        using (await BudgetLedger.OpenAsync(File))
        {
        }

        System.IO.File.AppendAllText(File, line + "\n");
        InvalidDataException e = await Assert.ThrowsAsync<InvalidDataException>(() => BudgetLedger.OpenAsync(File));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReserveAsync_OfManyAtOnce_NeverExceedsTheLimit()
    {
        BudgetLedger[] holders =
            [await BudgetLedger.OpenAsync(File), await BudgetLedger.OpenAsync(File), await BudgetLedger.OpenAsync(File)];
        int made = 0;
        await Parallel.ForAsync(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 12 }, async (i, token) =>
        {
            BudgetLedger ledger = holders[i % holders.Length];
            try
            {
                long claim = await ledger.ReserveAsync(10, 0, 205, null, token);
                await ledger.SettleAsync(claim, new CallUsage(1, 6, 4));
                Interlocked.Increment(ref made);
            }
            catch (BudgetExhaustedException)
            {
                // As it should be from the 21st on.
            }
        });
        Assert.Equal(20, made);
        foreach (BudgetLedger ledger in holders)
            ledger.Dispose();
        Assert.Empty(Directory.GetFiles(_folder.Root, "*.lock"));
    }

    [Fact]
    public async Task OpenAsync_WhereTheFileCannotBe_SaysSo()
    {
        Directory.CreateDirectory(File);
        await Assert.ThrowsAsync<JournalWriteException>(() => BudgetLedger.OpenAsync(File));
    }
}
