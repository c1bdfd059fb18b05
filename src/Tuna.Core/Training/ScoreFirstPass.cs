using Tuna.Policies;

namespace Tuna.Training;

/// <inheritdoc cref="PassMode.ScoreFirst"/>
internal sealed class ScoreFirstPass : IForwardPass
{
    private static readonly double[] NoScore = [0];
    private readonly ITrainableScorer _model;
    private readonly IReadOnlyList<TokenGroup> _groups;
    private readonly double[] _values;

    public ScoreFirstPass(ITrainableScorer model, IReadOnlyList<TokenGroup> groups, int responses, CancellationToken cancellationToken)
    {
        _model = model;
        _groups = groups;
        _values = new double[responses];
        model.Score(groups, _values, cancellationToken);
    }

    public ReadOnlySpan<double> Values => _values;

    /// <summary>Passes over one response at a time. It is not cancelled: a micro-batch is accumulated wholly or not at all.</summary>
    public void Backward(ReadOnlySpan<double> gradient)
    {
        int row = 0;
        foreach (TokenGroup group in _groups)
        {
            foreach (ReadOnlyMemory<int> response in group.Responses)
            {
                double own = gradient[row++];
                if (own == 0)
                    continue;
                using IForwardPass pass =
                    _model.Forward([new TokenGroup(group.Id, group.Prompt, [response], NoScore)], CancellationToken.None);
                pass.Backward([own]);
            }
        }
    }

    public void Dispose()
    {
        // It holds nothing of the model: each response's pass is closed where it was opened.
    }
}
