using Tuna.Data;

namespace Tuna.Cli.Files;

/// <summary>Counts what a form of fewer responses than the rows have cannot take.</summary>
/// <param name="form">The form that is written.</param>
internal sealed class LeftOut(string form)
{
    private long _unscored, _others, _unranked;

    /// <summary>What to say, most telling first; nothing where all was written.</summary>
    public IEnumerable<string> Notes()
    {
        if (_unscored > 0)
            yield return $"{_unscored} candidates without a score are in no pair";
        if (_unranked > 0)
            yield return $"{_unranked} rows have several candidates and no scores: the first is written";
        if (_others > 0)
            yield return $"{_others} other candidates are left out: the form {form} has one response a row (--to instructions-all writes "
                + $"them all)";
    }

    /// <summary>The rows, counted on their way.</summary>
    public IEnumerable<RankedExample> Count(IEnumerable<RankedExample> rows)
    {
        foreach (RankedExample row in rows)
        {
            int scored = row.Scores.Count(s => s is not null);
            switch (form)
            {
                case "trl" or "trl-chat" or "alpacaeval" when scored > 1:
                    _unscored += row.Outputs.Count - scored;
                    break;
                case "alpaca":
                    _unranked += row.Outputs.Count > 1 && scored == 0 ? 1 : 0;
                    _others += row.Outputs.Count - 1;
                    break;
                case "instructions" when scored > 0:
                    _others += row.Outputs.Count - 1;
                    break;
            }

            yield return row;
        }
    }
}
