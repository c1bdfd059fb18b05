using Tuna.Evaluation.Reports;
using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Data;
using Tuna.Data.Formats;
using Tuna.IO;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>What is in a ranked data set.</summary>
internal sealed class StatsCommand : StageCommand
{
    public const string Summary = "Describes a ranked data set: counts, ties, duplicates, scores, margins, length by rank, models.";

    private readonly Setting<string> _data =
        new("--data", "-d") { Description = "Rows with candidates in any form that `tuna convert` reads.", Required = true };
    private readonly Setting<string?> _out = new("--out", "-o") { Description = "A picture of it too: an SVG file." };

    public StatsCommand(App app)
        : base(app, "stats", Summary)
    {
        Options.Add(_data);
        Options.Add(_out);
        Examples = ["tuna stats --data ranked.jsonl", "tuna stats --data ranked.jsonl --out ranked.svg",
            "tuna stats --data ranked.jsonl --json"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(() =>
    {
        string data = parse.GetValue(_data)!;
        InputFile.Require(data);
        var statistics = new RankedStatistics();
        foreach (RankedExample row in DataFile.Read(data, RankedFormats.ByName[RankedFormats.Detect(data)]))
        {
            cancellationToken.ThrowIfCancellationRequested();
            statistics.Add(row);
        }

        string text = statistics.ToText();
        if (parse.GetValue(_out) is { } picture)
        {
            AtomicFile.WriteAllText(picture, statistics.ToSvg(Path.GetFileName(data)));
            text += $"{Environment.NewLine}{picture}: the same as a picture";
        }

        var facts = (JsonObject)JsonNode.Parse(statistics.ToJson())!;
        facts["data"] = data;
        facts["out"] = parse.GetValue(_out);
        return new StageResult(text, facts);
    }, cancellationToken);
}
