using Tuna.Losses;
using System.CommandLine;
using Tuna.Data;
using Tuna.Data.Formats;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>From one form of data to another.</summary>
internal sealed class ConvertCommand : StageCommand
{
    public const string Summary =
        "Reads and writes the forms of ranked data that people have: TRL preference pairs, UltraFeedback, RRHF, AlpacaEval outputs, "
        + "Alpaca, order lists.";

    private static readonly string FormNames = string.Join(", ", RankedFormats.ByName.Keys);

    private readonly Setting<string[]> _data = new("--data", "-d")
    {
        Description =
            "The file to read: JSON, JSONL, Parquet or CSV, also packed with gzip or Zstandard. May be repeated: files of one form are "
            + "joined.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Setting<string> _out = new("--out", "-o")
    {
        Description = "The file to write; .json gives an array, other names JSON lines. It appears when it is complete.",
        Required = true,
    };
    private readonly Setting<string?> _from = new("--from")
    {
        Among = [.. RankedFormats.ByName.Keys],
        Description = $"The form of the rows read: {FormNames}. Default: told by the first row's fields.",
    };
    private readonly Setting<string> _to = new("--to")
    {
        Among = [.. RankedFormats.Writable, "instructions", "instructions-all"],
        Description =
            $"The form to write: {string.Join(", ", RankedFormats.Writable)}, or instructions (best candidates for `tuna sft`), or "
            + $"instructions-all (every candidate; Alpaca-Mul).",
        DefaultValueFactory = _ => "ranked",
    };
    private readonly Setting<bool> _merge = new("--merge")
    {
        Description =
            "For alpacaeval: one row per instruction, from several models' annotations against one baseline; its output becomes the "
            + "reference.",
    };
    private readonly Setting<int> _limit = new("--limit") { Range = Rule.AtLeast(0), Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _candidates = new("--candidates")
    {
        Range = Rule.AtLeast(0),
        Description = "Most candidates of a row, spread evenly from best to worst; 0 for all.",
    };
    private readonly Setting<double> _tie =
        new("--tie-within") { Range = Rule.AtLeast(0.0), Description = "Scores that differ by no more than this become equal." };
    private readonly Setting<string> _pairs = new("--pairs")
    {
        Among = ["all", "best-worst", "best-others", "neighbours"],
        Description =
            "For --to trl, trl-chat and alpacaeval: which pairs of a ranked row become rows: all, best-worst, best-others or neighbours.",
        DefaultValueFactory = _ => "all",
    };
    private readonly Setting<bool> _distinct =
        new("--distinct") { Description = "Leave out repeated instructions, and candidates that repeat a better one." };
    private readonly Setting<bool> _skip = new("--skip-bad-rows")
    {
        Description = "Leave out rows that cannot be used, and name them in OUT.failed.jsonl, instead of stopping.",
    };

    public ConvertCommand(App app)
        : base(app, "convert", Summary)
    {
        foreach (Option option in (Option[])[_data, _out, _from, _to, _merge, _limit, _candidates, _tie, _pairs, _distinct, _skip])
            Options.Add(option);
        Examples =
        [
            "tuna convert --data ultrafeedback.jsonl --out ranked.jsonl",
            "tuna convert --data ranked.jsonl --to trl --pairs best-worst --out pairs.jsonl",
            "tuna convert --data ranked.jsonl --to instructions-all --out alpaca-mul.jsonl",
            "tuna convert --data model-a.json model-b.json --merge --out ranked.jsonl    # AlpacaEval annotations of two models",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(() =>
    {
        string[] data = parse.GetValue(_data)!;
        string output = parse.GetValue(_out)!, to = parse.GetValue(_to)!;
        foreach (string file in data)
            InputFile.Require(file);
        string[] forms = [.. data.Select(file => parse.GetValue(_from) ?? RankedFormats.Detect(file)).Distinct()];
        if (forms.Length > 1)
            throw new StageException($"The files have different forms ({string.Join(", ", forms)}): convert each by itself.");
        string from = forms[0];
        if (parse.GetValue(_merge) && from != "alpacaeval")
            throw new StageException($"--merge joins annotations of the form alpacaeval; {data[0]} has the form {from}.", ExitCodes.Usage);
        var failures = new List<(string, string)>();
        var notes = new DataReadReport();
        var options = new DataReadOptions
        {
            DuplicateIds = DuplicateIds.MakeUnique,
            Report = notes,
            OnInvalidRow = parse.GetValue(_skip) ? e => failures.Add((e.RowId ?? $"line {e.Place.Line}", e.Message)) : null,
        };
        long read = 0, barren = 0;
        var leftOut = new LeftOut(to);
        IEnumerable<RankedExample> rows = leftOut.Count(Prepared(Counted(DataFile.Read(data, RankedFormats.ByName[from], options)), parse));
        long written = to switch
        {
            "instructions" => InstructionData.Write(output, Made(rows, r => r.Instructions(bestOnly: true))),
            "instructions-all" => InstructionData.Write(output, Made(rows, r => r.Instructions())),
            "trl" or "trl-chat" or "alpacaeval" =>
                DataFile.Write(output, Made(rows, r => PreferencePairs.Of(r, Selection(parse))), RankedFormats.ByName[to]),
            _ => DataFile.Write(output, rows, RankedFormats.ByName[to]),
        };
        if (barren > 0)
            ui.Note($"{barren} rows gave none: {Why(to)}");
        foreach (string note in leftOut.Notes())
            ui.Note(note);
        foreach ((string reason, long count) in notes.Counts)
            ui.Note($"{count} rows: {reason}");
        FailureFile.Write(output, failures);
        return new StageResult(
            $"{output}: {written} rows ({to}) from {read} "
            + $"({from}){(failures.Count > 0 ? $"; {failures.Count} rows could not be used, see {FailureFile.PathFor(output)}" : "")}",
            new()
        {
            ["out"] = output,
            ["from"] = from,
            ["to"] = to,
            ["read"] = read,
            ["rows"] = written,
            ["failed"] = failures.Count,
        }, failures.Count > 0 ? ExitCodes.Partial : ExitCodes.Ok);

        // A row that gives nothing is counted, and a file of such rows alone is refused before the output appears.
        IEnumerable<T> Made<T>(IEnumerable<RankedExample> source, Func<RankedExample, IEnumerable<T>> make)
        {
            long made = 0;
            foreach (RankedExample row in source)
            {
                long before = made;
                foreach (T item in make(row))
                {
                    made++;
                    yield return item;
                }

                barren += made == before ? 1 : 0;
            }

            if (made == 0 && barren > 0)
                throw new StageException($"None of the {barren} rows gives a row of the form {to}: {Why(to)}");
        }

        IEnumerable<RankedExample> Counted(IEnumerable<RankedExample> source)
        {
            foreach (RankedExample row in source)
            {
                cancellationToken.ThrowIfCancellationRequested();
                read++;
                yield return row;
            }
        }
    }, cancellationToken);

    private IEnumerable<RankedExample> Prepared(IEnumerable<RankedExample> rows, ParseResult parse)
    {
        if (parse.GetValue(_merge))
            rows = AlpacaEvalFormat.Merge(rows);
        if (parse.GetValue(_limit) is > 0 and var limit)
            rows = rows.Take(limit);
        if (parse.GetValue(_distinct))
            rows = Deduplication.DistinctRows(rows).Select(r => Deduplication.DistinctCandidates(r));
        if (parse.GetValue(_tie) is > 0 and var within)
            rows = rows.Select(r => r.Tie(within));
        if (parse.GetValue(_candidates) is > 0 and var most)
            rows = rows.Select(r => r.Limit(most));
        return rows;
    }

    private PairSelection Selection(ParseResult parse) => parse.GetValue(_pairs) switch
    {
        "best-worst" => PairSelection.BestVersusWorst,
        "best-others" => PairSelection.BestVersusRest,
        "neighbours" => PairSelection.Adjacent,
        _ => PairSelection.AllPairs,
    };

    private static string Why(string form) => form switch
    {
        "instructions" => "there is neither a ranked candidate nor a response.",
        "instructions-all" => "there is neither a candidate nor a response.",
        _ => "a pair needs two candidates with different scores.",
    };
}
