using System.Text.Json;

namespace Tuna.Models.Hub;

/// <summary>Models and data sets by their names on the Hugging Face hub: from the cache that Hugging Face's tools share, or downloaded into
/// it.</summary>
/// <remarks>
/// Only data is fetched: safetensors, Parquet, JSON, CSV and the tokenizer's files; nothing that a program would run (pickles, Python) is.
/// A file is checked against the hash that the service names it by before it appears under its name, and an interrupted download is
/// resumed. Thread-safe.
/// </remarks>
public sealed class HubClient : IDisposable
{
    private readonly HubOptions _options;
    private readonly HubConnection _connection;
    private readonly TimeProvider _time;

    /// <summary>Creates a client. No request is made before something is asked for.</summary>
    /// <param name="options">Where the hub and its cache are.</param>
    /// <param name="time">The clock by which other processes are waited for; the system's when null.</param>
    public HubClient(HubOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _time = time ?? TimeProvider.System;
        _connection = new HubConnection(options);
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    /// <summary>A model's folder, complete with weights and tokenizer.</summary>
    /// <param name="name">Its name, <c>owner/name</c>.</param>
    /// <param name="revision">Branch, tag or commit.</param>
    /// <param name="progress">Told of what is downloaded.</param>
    /// <param name="cancellationToken">Stops; what was downloaded is kept and resumed.</param>
    /// <exception cref="HubException">It cannot be had; says why and what to do.</exception>
    public async Task<string> ModelAsync(string name, string revision = "main", IProgress<HubProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        (HubRepository repository, HubCache cache) = Open(HubKind.Model, name);
        (string commit, IReadOnlyList<string>? files) = await FilesAsync(repository, cache, revision, cancellationToken);
        if (files is null)
            return HubFiles.IsWhole(cache.Snapshot(commit)) ? cache.Snapshot(commit) : throw NotCached(repository);
        IReadOnlyList<string> wanted = HubFiles.OfModel(files, name);
        await BringAsync(repository, cache, commit, wanted, progress, cancellationToken);
        cache.SetCommit(revision, commit);
        return cache.Snapshot(commit);
    }

    /// <summary>The files of a data set's split, in order: a file, or a folder of several.</summary>
    /// <param name="name">Its name, <c>owner/name</c>.</param>
    /// <param name="split">The split, or <c>configuration/split</c>; null for <c>train</c>, or the only one there is.</param>
    /// <param name="revision">Branch, tag or commit.</param>
    /// <param name="progress">Told of what is downloaded.</param>
    /// <param name="cancellationToken">Stops; what was downloaded is kept and resumed.</param>
    /// <returns>A path.</returns>
    /// <exception cref="HubException">It cannot be had; says why and what to do.</exception>
    public async Task<string> DatasetAsync(string name, string? split = null, string revision = "main",
        IProgress<HubProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        (HubRepository repository, HubCache cache) = Open(HubKind.Dataset, name);
        (string commit, IReadOnlyList<string>? files) = await FilesAsync(repository, cache, revision, cancellationToken);
        bool cached = files is null;
        files ??= HubFiles.In(cache.Snapshot(commit));
        IReadOnlyList<string> wanted = HubFiles.OfSplit(files, split, cached ? $"{name} in the cache" : name);
        if (!cached)
        {
            await BringAsync(repository, cache, commit, wanted, progress, cancellationToken);
            cache.SetCommit(revision, commit);
        }

        if (wanted.Count == 1)
            return cache.File(commit, wanted[0]);
        string view = cache.View(commit, (split ?? "train").Replace('/', '-'));
        foreach ((int i, string file) in wanted.Index())
            HubCache.Link(Path.GetFullPath(File.ResolveLinkTarget(cache.File(commit, file), returnFinalTarget: true)?.FullName
                ?? cache.File(commit, file)), Path.Combine(view, $"{i:0000}-{Path.GetFileName(file)}"));
        return view;
    }

    /// <summary>Uploads a model folder as one commit; the repository is created where there is none.</summary>
    /// <param name="folder">The folder: settings, weights, tokenizer and a README are taken.</param>
    /// <param name="name">The repository's name, <c>owner/name</c>.</param>
    /// <param name="isPrivate">Whether a new repository is private.</param>
    /// <param name="message">The commit's message.</param>
    /// <param name="progress">Told of what is uploaded.</param>
    /// <param name="cancellationToken">Stops; nothing is changed before the commit.</param>
    /// <returns>The commit.</returns>
    /// <exception cref="HubException">There is no token, or the service refuses; says why.</exception>
    public async Task<string> PushAsync(
        string folder, string name, bool isPrivate = true, string message = "Upload model", IProgress<HubProgress>? progress = null,
            CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        (HubRepository repository, _) = Open(HubKind.Model, name);
        if (_options.Offline)
            throw new HubException("HF_HUB_OFFLINE forbids to upload.");
        if (_options.Token is null)
            throw new HubException($"{name}: uploading needs a token that may write; set HF_TOKEN.");
        IReadOnlyList<string> files =
            HubFiles.OfModel([.. Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)], folder);
        if (File.Exists(Path.Combine(folder, "README.md")))
            files = ["README.md", .. files];
        var upload = new HubUpload(_connection, repository);
        await upload.CreateAsync(isPrivate, cancellationToken);
        return await upload.CommitAsync(folder, files, message, progress, cancellationToken);
    }

    private (HubRepository, HubCache) Open(HubKind kind, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!HubRepository.IsName(name))
            throw new HubException($"'{name}' is no name of the hub; a name is owner/name.");
        var repository = new HubRepository(kind, name);
        return (repository, new HubCache(_options.CacheFolder, repository));
    }

    // The commit and its files; no files where only the cache is asked.
    private async Task<(string Commit, IReadOnlyList<string>? Files)> FilesAsync(HubRepository repository, HubCache cache, string revision,
        CancellationToken cancellationToken)
    {
        if (revision.Length == 0 || revision.AsSpan().ContainsAny('\\', ':') || revision.Split('/').Any(p => p is "" or "." or ".."))
            throw new HubException($"'{revision}' is no revision.");
        if (_options.Offline)
            return (cache.Commit(revision) ?? throw NotCached(repository), null);
        using JsonDocument info = await _connection.JsonAsync(repository.InfoPath(revision), repository.Name, cancellationToken);
        string? commit = info.RootElement.ValueKind == JsonValueKind.Object && info.RootElement.TryGetProperty("sha", out JsonElement sha)
            && sha.ValueKind == JsonValueKind.String ? sha.GetString() : null;
        if (commit is not { Length: 40 } || !commit.All(char.IsAsciiHexDigit)
            || !info.RootElement.TryGetProperty("siblings", out JsonElement siblings) || siblings.ValueKind != JsonValueKind.Array)
            throw new HubException($"{repository.Name}: the service's answer names no commit or no files.");
        return (commit, [.. siblings.EnumerateArray()
            .Select(f => HubFiles.Checked(f.TryGetProperty("rfilename", out JsonElement name)
            ? name.GetString() : null, repository.Name))]);
    }

    private async Task BringAsync(HubRepository repository, HubCache cache, string commit, IReadOnlyList<string> files,
        IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        var download = new HubDownload(_connection, cache, repository, _time);
        foreach (string file in files)
            await download.BringAsync(commit, file, progress, cancellationToken);
    }

    private HubException NotCached(HubRepository repository) =>
        new($"{repository.Name} is not complete in {_options.CacheFolder}, and HF_HUB_OFFLINE forbids to download it.");
}
