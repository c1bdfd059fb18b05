using System.CommandLine;
using System.Globalization;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Files;

/// <summary>One of several equal shares of a stage's rows: every n-th row, from the i-th on. Each may run anywhere, at any time, and be run
/// again alone.</summary>
/// <param name="Index">0-based.</param>
/// <param name="Count">How many shares there are.</param>
internal sealed record Shard(int Index, int Count)
{
    /// <summary>Reads <c>i/n</c>; null when it is not that.</summary>
    public static Shard? Parse(string text) =>
        text.Split('/') is [var i, var n] && int.TryParse(i, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            && int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && index < count
            ? new Shard(index, count)
            : null;

    /// <summary>The share's own file for an output: <c>samples.shard-0-of-4.jsonl</c>.</summary>
    public string PathOf(string output) =>
        Path.Combine(Path.GetDirectoryName(output)
        ?? "", string.Create(CultureInfo.InvariantCulture, $"{Stem(output)}.shard-{Index}-of-{Count}{Path.GetExtension(output)}"));

    /// <summary>All files beside an output that are named as shares of it, with their shares.</summary>
    public static IReadOnlyList<(Shard Shard, string Path)> FilesOf(string output)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(output))!, start = Stem(output) + ".shard-", end = Path.GetExtension(output);
        var found = new List<(Shard, string)>();
        foreach (string file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, start + "*" + end) : [])
        {
            string name = Path.GetFileName(file);
            if (Parse(name[start.Length..^end.Length].Replace("-of-", "/", StringComparison.Ordinal)) is { } shard
                && name == Path.GetFileName(shard.PathOf(output)))
                found.Add((shard, file));
        }

        return [.. found.OrderBy(f => f.Item1.Count).ThenBy(f => f.Item1.Index)];
    }

    private static string Stem(string output) => Path.GetFileNameWithoutExtension(output);
}

/// <summary>The setting by which a stage does a share of its rows.</summary>
internal sealed class ShardOption : Setting<string?>
{
    public ShardOption()
        : base("--shard")
    {
        Effect = Effect.Course;
        Description =
            "i/n: only every n-th row from the i-th on, counted from 0, into a file of its own beside --out; start all n anywhere, then "
            + "put them together with `tuna merge`.";
        Range = (value => value is null || Shard.Parse(value) is not null, "i/n with 0 <= i < n, such as 0/4");
    }

    /// <summary>The share that the command line asks for, or null for all rows.</summary>
    public Shard? Of(ParseResult parse) => parse.GetValue(this) is { } text ? Shard.Parse(text) : null;

    /// <summary>Where the command's output goes.</summary>
    public string PathOf(ParseResult parse, string output) => Of(parse)?.PathOf(output) ?? output;

    /// <summary>The rows to do.</summary>
    public ShardRows<T> Take<T>(ParseResult parse, IReadOnlyList<T> rows, Func<T, string> key) => new(Of(parse), rows, key);
}

/// <summary>The rows of a share, or all of them.</summary>
internal sealed class ShardRows<T>
{
    private readonly Shard? _shard;
    private readonly List<string> _keys = [];
    private readonly int _all;

    public ShardRows(Shard? shard, IReadOnlyList<T> rows, Func<T, string> key)
    {
        _shard = shard;
        Rows = rows;
        if (shard is null)
            return;
        // A row that the input has twice is made once, whoever makes it.
        var distinct = rows.DistinctBy(key, StringComparer.Ordinal).ToList();
        _all = distinct.Count;
        Rows = [.. distinct.Where((_, i) => i % shard.Count == shard.Index)];
        _keys.AddRange(Rows.Select(key));
    }

    public IReadOnlyList<T> Rows { get; }

    /// <summary>Writes beside a share's output what merging needs to know; nothing where the output is the whole.</summary>
    /// <param name="output">The share's output.</param>
    /// <param name="settings">What its rows depend on.</param>
    /// <param name="made">Keys of the output's rows.</param>
    public void Complete(string output, Fingerprint settings, IEnumerable<string> made)
    {
        if (_shard is null)
            return;
        var there = made.ToHashSet(StringComparer.Ordinal);
        new ShardRecord
        {
            Shard = _shard.Index,
            Of = _shard.Count,
            AllRows = _all,
            Rows = _keys.Count,
            Missing = [.. Enumerable.Range(0, _keys.Count).Where(i => !there.Contains(_keys[i]))],
            Settings = settings.Digest(),
            Sha256 = ContentHash.Of(output),
        }.Save(output);
    }
}
