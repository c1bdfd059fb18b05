using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Numerics;

namespace Tuna.Cli.Training;

/// <summary>Rows that are kept out of training, to measure on.</summary>
internal sealed class HeldOut
{
    private const double UsualShare = 0.05;
    private const int UsualRows = 256;
    private const int FewRows = 64;

    private readonly Setting<double?> _share = new("--held-out")
    {
        Range = Rule.OrNone(Rule.Share<double>()),
        Description =
            $"Share of the rows kept out of training, by a hash of their ids; the model is measured on them before and after. Default: 5 "
            + $"%, about {UsualRows} rows at most, and none of fewer than {FewRows}.",
    };

    private readonly Setting<ulong> _seed = new("--split-seed") { Description = "Another seed holds other rows out." };

    public void AddTo(Command command)
    {
        command.Options.Add(_share);
        command.Options.Add(_seed);
    }

    /// <summary>Splits rows in those to train on and those held out.</summary>
    public (List<T> Training, List<T> HeldOut) Split<T>(ParseResult parse, IReadOnlyList<T> rows, Func<T, string> id)
    {
        double share = parse.GetValue(_share) ?? (rows.Count < FewRows ? 0 : Math.Min(UsualShare, (double)UsualRows / rows.Count));
        ulong seed = parse.GetValue(_seed);
        ILookup<bool, T> split = rows.ToLookup(row => StableHash.IsHeldOut(id(row), share, seed));
        return ([.. split[false]], [.. split[true]]);
    }
}
