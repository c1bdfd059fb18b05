using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Tuna.Cli.Hosting;
using Tuna.Training;

namespace Tuna.Cli.Training;

/// <summary>Rows that are kept out of training, to measure on: a share of the data, or a file of their own.</summary>
internal sealed class HeldOut
{
    private const double UsualShare = 0.05;
    private const int UsualRows = 256;
    private const int FewRows = 64;

    private readonly Setting<string?> _rows;
    private readonly Setting<ulong> _seed = new("--split-seed") { Description = "Another seed holds other rows out." };

    /// <param name="usual">The share when none is given; null for one that depends on the number of rows.</param>
    public HeldOut(double? usual = null)
    {
        string? given = usual?.ToString(CultureInfo.InvariantCulture);
        _rows = new("--held-out")
        {
            HelpName = "SHARE|FILE",
            NamesContent = value => value is { Length: > 0 } && Share(value) is null,
            Recorded = value => value is null ? "" : Share(value)?.ToString(CultureInfo.InvariantCulture),
            Description =
                "Rows that training does not see and the model is measured on: a share of the rows, by a hash of their ids, or a file of "
                + "rows. Default: " + (given ?? $"5 %, about {UsualRows} rows at most, and none of fewer than {FewRows}") + ".",
            DefaultValueFactory = _ => given,
        };
        _rows.Validators.Add(Check);
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_rows);
        command.Options.Add(_seed);
    }

    /// <summary>Splits rows in those to train on and those held out.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="rows">The data.</param>
    /// <param name="id">A row's id.</param>
    /// <param name="read">Reads a file of rows.</param>
    public (List<T> Training, List<T> HeldOut) Split<T>(ParseResult parse, IReadOnlyList<T> rows, Func<T, string> id,
        Func<string, IReadOnlyList<T>> read)
    {
        string? given = parse.GetValue(_rows);
        if (given is not null && Share(given) is null)
            return ([.. rows], [.. read(given)]);
        double usual = rows.Count < FewRows ? 0 : Math.Min(UsualShare, (double)UsualRows / rows.Count);
        double share = given is null ? usual : Share(given)!.Value;
        ulong seed = parse.GetValue(_seed);
        ILookup<bool, T> split = rows.ToLookup(row => HeldOutRows.IsHeldOut(id(row), share, seed));
        return ([.. split[false]], [.. split[true]]);
    }

    private static double? Share(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double share) ? share : null;

    private void Check(OptionResult result)
    {
        if (result is { Implicit: false, Tokens: [.., var token] } && Share(token.Value) is { } share && !(share is >= 0 and <= 1))
            result.AddError($"{_rows.Name} is {token.Value}; it must be from 0 to 1, or a file.");
    }
}
