using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;

namespace Tuna.Llama.Managed.Tests.Model;

public sealed unsafe class WorkspaceTests : IDisposable
{
    private const int Rows = 9, HeadRows = 4;
    private readonly LlamaParameters _parameters = new(Models.Config);
    private readonly KeptValues _keptValues;
    private readonly AttentionShape _shape = new(Models.Config.HeadCount, Models.Config.KeyValueHeadCount, Models.Config.HeadDimension);
    private readonly Workspace _workspace;

    public WorkspaceTests()
    {
        _keptValues = new KeptValues(Models.Config, _parameters, 1 << 20);
        _workspace = new Workspace(Models.Config, _shape, _keptValues);
    }

    public void Dispose()
    {
        _workspace.Dispose();
        _keptValues.Dispose();
        _parameters.Dispose();
    }

    [Fact]
    public void Plan_WhatBackwardNeeds_LiesApart()
    {
        _keptValues.Plan(Rows, HeadRows);
        _workspace.Plan(Rows, HeadRows, keep: true);
        AssertApart([.. Kept(), _workspace.Normed(Rows), _workspace.Hidden(Rows), _workspace.NormedGradient(Rows),
            _workspace.ResidualGradient(Rows), _workspace.Logits]);
        AssertApart([.. Kept(), _workspace.Attention(Rows), _workspace.QkvGradient(Rows), _workspace.AttentionGradient(Rows),
            _workspace.ResidualGradient(Rows)]);
    }

    [Fact]
    public void Plan_WithoutBackward_LayersShareTheirPlaces()
    {
        _workspace.Plan(Rows, HeadRows, keep: false);
        Assert.True(_workspace.Qkv(0, Rows).Data == _workspace.Qkv(1, Rows).Data);
        Assert.True(_workspace.Residual(0, Rows).Data == _workspace.Residual(2, Rows).Data);
        Assert.Throws<InvalidOperationException>(() => _workspace.ResidualGradient(Rows));
        AssertApart([
            _workspace.Residual(0, Rows), _workspace.Residual(1, Rows), _workspace.InputInverse(0, Rows), _workspace.Qkv(0, Rows),
                _workspace.LogSum(0, Rows), _workspace.Middle(0, Rows),
            _workspace.MiddleInverse(0, Rows), _workspace.OutputInverse(HeadRows), _workspace.Normed(Rows), _workspace.Hidden(Rows),
                _workspace.GateUp(0, Rows), _workspace.Logits]);
    }

    [Fact]
    public void PlanTokens_AllLeases_LieApartAndFromThePass()
    {
        _workspace.PlanTokens(3, 8);
        _workspace.Plan(Rows, HeadRows, keep: true);
        AssertApart([
            _workspace.PromptOutput(3), _workspace.TokenResidual(8), _workspace.TokenNormed(8), _workspace.TokenInverse(8),
                _workspace.TokenQkv(8), _workspace.TokenAttention(8),
            _workspace.TokenGateUp(8), _workspace.TokenHidden(8), _workspace.TokenLogits(8), .. Kept()]);
    }

    [Fact]
    public void Lease_MoreRowsThanPlanned_Throws()
    {
        _workspace.Plan(Rows, HeadRows, keep: true);
        Assert.Throws<InvalidOperationException>(() => _workspace.Qkv(0, Rows + 1));
        Assert.Throws<InvalidOperationException>(() => _workspace.Residual(Models.Config.LayerCount, HeadRows + 1));
    }

    [Fact]
    public void Compact_SomeRows_MovesThemToTheFrontOfEveryLease()
    {
        _keptValues.Plan(Rows, HeadRows);
        _workspace.Plan(Rows, HeadRows, keep: true);
        int[] kept = [1, 2, 7], keptHeadRows = [0, 3];
        foreach (Matrix matrix in Kept())
        {
            for (int i = 0; i < matrix.Rows; i++)
                matrix.RowSpan(i).Fill(i);
        }

        _workspace.Compact(kept, keptHeadRows);
        foreach (Matrix matrix in Kept())
        {
            int[] expected = matrix.Rows == Rows ? kept : keptHeadRows;
            for (int i = 0; i < expected.Length; i++)
                Assert.True(!matrix.RowSpan(i).ContainsAnyExcept(expected[i]));
        }
    }

    /// <summary>All that backward reads.</summary>
    private List<Matrix> Kept()
    {
        var list = new List<Matrix> { _workspace.OutputInverse(HeadRows), _workspace.Residual(Models.Config.LayerCount, HeadRows) };
        for (int l = 0; l < Models.Config.LayerCount; l++)
        {
            int after = l == Models.Config.LayerCount - 1 ? HeadRows : Rows;
            list.AddRange([_workspace.Residual(l, Rows), _workspace.InputInverse(l, Rows), _workspace.Qkv(l, Rows),
                _workspace.LogSum(l, Rows)]);
            list.AddRange([_workspace.Middle(l, after), _workspace.MiddleInverse(l, after)]);
            if (_workspace.KeepsGateUp(l))
                list.Add(_workspace.GateUp(l, after));
        }

        return list;
    }

    private static void AssertApart(List<Matrix> matrices)
    {
        List<(nint Start, nint End)> places =
            [.. matrices.Select(m => ((nint)m.Data, (nint)(m.Data + ((long)m.Rows * m.Columns)))).OrderBy(p => p.Item1)];
        for (int i = 1; i < places.Count; i++)
            Assert.True(places[i - 1].End <= places[i].Start);
    }
}
