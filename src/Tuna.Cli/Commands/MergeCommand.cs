using System.CommandLine;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.IO;

namespace Tuna.Cli.Commands;

/// <summary>Puts the shares of a stage together.</summary>
internal sealed class MergeCommand : StageCommand
{
    public const string Summary =
        "Puts the shares that --shard made together, in the order of the input: the bytes of one run. Refuses when a row is missing "
        + "or there twice.";

    private readonly Setting<string> _out = new("--out", "-o")
    {
        Description = "The output of the whole, as the stages named it with --out; their shares lie beside it.",
        Required = true,
    };

    public MergeCommand(App app)
        : base(app, "merge", Summary)
    {
        Options.Add(_out);
        Examples =
        [
            "for i in 0 1 2 3; do tuna sample --model alpaca --data alpaca.json --out samples.jsonl --shard $i/4; done; tuna merge --out "
                + "samples.jsonl",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string output = parse.GetValue(_out)!;
        (string Path, ShardRecord Record)[] shares = Shares(output);
        var lines = new List<byte[]>[shares.Length];
        foreach ((int s, (string path, ShardRecord record)) in shares.Index())
            lines[s] = Lines(path, record);

        int missing = shares.Sum(s => s.Record.Missing.Length), all = shares[0].Record.AllRows;
        AtomicFile.Write(output, stream =>
        {
            int[] next = new int[shares.Length];
            for (int row = 0; row < all; row++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int s = row % shares.Length;
                if (shares[s].Record.Missing.AsSpan().BinarySearch(row / shares.Length) < 0)
                    stream.Write(lines[s][next[s]++]);
            }
        });
        string settings = output + ".settings.json";
        if (File.Exists(shares[0].Path + ".settings.json"))
            AtomicFile.WriteAllBytes(settings, File.ReadAllBytes(shares[0].Path + ".settings.json"));
        MergeFailures(output, shares);
        string failed = missing == 0 ? "" : $"; {missing} rows could not be made, see {FailureFile.PathFor(output)}";
        return Task.FromResult(new StageResult($"{output}: {all - missing} rows of {shares.Length} shares{failed}", new()
        {
            ["out"] = output,
            ["shares"] = shares.Length,
            ["rows"] = all - missing,
            ["failed"] = missing,
        }, missing > 0 ? ExitCodes.Partial : ExitCodes.Ok));
    }

    /// <summary>The shares in their order, all there, once each, of the same rows and settings.</summary>
    private static (string Path, ShardRecord Record)[] Shares(string output)
    {
        IReadOnlyList<(Shard Shard, string Path)> files = Shard.FilesOf(output);
        if (files.Count == 0)
            throw new StageException(
                $"There are no shares of {output}: files such as {new Shard(0, 4).PathOf(output)}, which --shard 0/4 makes.");
        int count = files[0].Shard.Count;
        if (files.FirstOrDefault(f => f.Shard.Count != count) is { Path: { } stranger })
            throw new StageException(
                $"{files[0].Path} is one of {count} shares and {stranger} one of another number: their rows are there twice. Delete those "
                + $"that do not belong to this output.");
        int[] absent = [.. Enumerable.Range(0, count).Except(files.Select(f => f.Shard.Index))];
        if (absent.Length > 0)
            throw new StageException(
                $"{absent.Length} of {count} shares of {output} are missing: "
                + $"{string.Join(", ", absent.Take(8).Select(i => $"{i}/{count}"))}. Run them with --shard.");
        (string Path, ShardRecord Record)[] shares = [.. files.Select(f => (f.Path, ShardRecord.Load(f.Path)))];
        foreach ((int s, (string path, ShardRecord record)) in shares.Index())
        {
            ShardRecord first = shares[0].Record;
            if (record.Shard != s || record.Of != count)
                throw new StageException($"{path} holds share {record.Shard}/{record.Of}, not {s}/{count}; its name was changed.");
            if (record.Settings != first.Settings)
                throw new StageException(
                    $"{path} was made with other settings than {shares[0].Path}: {Difference(shares[0].Path, path)}. Make it again with "
                    + $"the same ones.");
            if (record.AllRows != first.AllRows || record.Rows != (first.AllRows - s + count - 1) / count)
                throw new StageException(
                    $"{path} is a share of {record.AllRows} rows, {shares[0].Path} one of {first.AllRows}; they come from different "
                    + $"inputs.");
        }

        return shares;
    }

    private static string Difference(string first, string other) =>
        File.Exists(first + ".settings.json") && File.Exists(other + ".settings.json")
            ? $"compare {first}.settings.json and {other}.settings.json" : "their records differ";

    private static List<byte[]> Lines(string path, ShardRecord record)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (ContentHash.Of(path) != record.Sha256)
            throw new StageException(
                $"{path} was changed since its share was finished. Delete it and {ShardRecord.PathFor(path)}, and run the share again.");
        var lines = new List<byte[]>();
        for (int start = 0; start < bytes.Length;)
        {
            int length = bytes.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var end ? end + 1 : bytes.Length - start;
            lines.Add(bytes.AsSpan(start, length).ToArray());
            start += length;
        }

        return lines.Count == record.Rows - record.Missing.Length
            ? lines
            : throw new StageException(
                $"{path} has {lines.Count} rows; {record.Rows - record.Missing.Length} were made. Delete it and run the share again.");
    }

    private static void MergeFailures(string output, (string Path, ShardRecord Record)[] shares)
    {
        string[] files = [.. shares.Select(s => FailureFile.PathFor(s.Path)).Where(File.Exists)];
        if (files.Length == 0)
            File.Delete(FailureFile.PathFor(output));
        else
            AtomicFile.WriteAllText(FailureFile.PathFor(output), string.Concat(files.Select(File.ReadAllText)));
    }
}
