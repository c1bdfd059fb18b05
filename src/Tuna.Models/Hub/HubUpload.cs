using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tuna.Models.Hub;

/// <summary>A folder's files as one commit of a model on the hub: large ones to the store first, then all of them at once.</summary>
internal sealed class HubUpload(HubConnection connection, HubRepository repository)
{
    private const int SampleBytes = 512;
    private const string Lfs = "application/vnd.git-lfs+json";

    /// <summary>Creates the repository where it is not there.</summary>
    public async Task CreateAsync(bool isPrivate, CancellationToken cancellationToken)
    {
        string[] parts = repository.Name.Split('/');
        var body = new JsonObject { ["name"] = parts[1], ["organization"] = parts[0], ["private"] = isPrivate };
        using HttpResponseMessage response =
            await connection.PostAsync("api/repos/create", body.ToJsonString(), "application/json", repository.Name, cancellationToken,
            accepts: 409);
    }

    /// <summary>Uploads files and commits them.</summary>
    /// <returns>The commit.</returns>
    public async Task<string> CommitAsync(string folder, IReadOnlyList<string> files, string message, IProgress<HubProgress>? progress,
        CancellationToken cancellationToken)
    {
        HashSet<string> large = await LargeAsync(folder, files, cancellationToken);
        var lines = new StringBuilder();
        Line(lines, "header", new JsonObject { ["summary"] = message, ["description"] = "" });
        foreach (string file in files)
        {
            string path = Path.Combine(folder, file);
            if (!large.Contains(file))
            {
                byte[] content = await File.ReadAllBytesAsync(path, cancellationToken);
                Line(lines, "file", new JsonObject
                {
                    ["content"] = Convert.ToBase64String(content),
                    ["path"] = file,
                    ["encoding"] = "base64",
                });
                continue;
            }

            (string oid, long size) = await StoreAsync(path, file, progress, cancellationToken);
            Line(lines, "lfsFile", new JsonObject { ["path"] = file, ["algo"] = "sha256", ["oid"] = oid, ["size"] = size });
        }

        using JsonDocument done =
            await JsonAsync($"api/models/{repository.Name}/commit/main", lines.ToString(), "application/x-ndjson", cancellationToken);
        return done.RootElement.TryGetProperty("commitOid", out JsonElement commit) ? commit.GetString() ?? "" : "";
    }

    // The service says by a file's name, size and beginning whether it goes to the store.
    private async Task<HashSet<string>> LargeAsync(string folder, IReadOnlyList<string> files, CancellationToken cancellationToken)
    {
        var asked = new JsonArray();
        foreach (string file in files)
        {
            await using FileStream stream = File.OpenRead(Path.Combine(folder, file));
            byte[] sample = new byte[Math.Min(SampleBytes, stream.Length)];
            await stream.ReadExactlyAsync(sample, cancellationToken);
            asked.Add((JsonNode)new JsonObject { ["path"] = file, ["sample"] = Convert.ToBase64String(sample), ["size"] = stream.Length });
        }

        using JsonDocument answer =
            await JsonAsync($"api/models/{repository.Name}/preupload/main", new JsonObject { ["files"] = asked }.ToJsonString(),
            "application/json", cancellationToken);
        return [.. answer.RootElement.GetProperty("files").EnumerateArray().Where(f => f.GetProperty("uploadMode").ValueEquals("lfs"))
            .Select(f => f.GetProperty("path").GetString()!)];
    }

    private async Task<(string Oid, long Size)> StoreAsync(string path, string file, IProgress<HubProgress>? progress,
        CancellationToken cancellationToken)
    {
        await using FileStream stream = File.OpenRead(path);
        string oid = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken));
        long size = stream.Length;
        var item = new JsonObject { ["oid"] = oid, ["size"] = size };
        var batch = new JsonObject
        {
            ["operation"] = "upload",
            ["transfers"] = new JsonArray("basic", "multipart"),
            ["objects"] = new JsonArray(item),
            ["hash_algo"] = "sha256",
            ["ref"] = new JsonObject { ["name"] = "main" },
        };
        using JsonDocument answer =
            await JsonAsync($"{repository.Name}.git/info/lfs/objects/batch", batch.ToJsonString(), Lfs, cancellationToken);
        JsonElement told = answer.RootElement.GetProperty("objects")[0];
        if (told.TryGetProperty("error", out JsonElement error))
            throw new HubException($"{repository.Name}/{file}: the store refuses it: {Text.ForeignText.Shorten(error.ToString(), 200)}.");
        // What the store has already has no actions.
        if (!told.TryGetProperty("actions", out JsonElement actions) || !actions.TryGetProperty("upload", out JsonElement upload))
            return (oid, size);
        progress?.Report(new(file, 0, size));
        string target = upload.GetProperty("href").GetString()!;
        if (upload.TryGetProperty("header", out JsonElement header) && header.TryGetProperty("chunk_size", out JsonElement chunk))
            await PartsAsync(stream, file, oid, target, header, long.Parse(chunk.ToString(), CultureInfo.InvariantCulture),
                cancellationToken);
        else
            (await connection.PutAsync(target, stream, 0, size, $"{repository.Name}/{file}", cancellationToken)).Dispose();
        if (actions.TryGetProperty("verify", out JsonElement verify))
            (await connection.PostAsync(verify.GetProperty("href").GetString()!, item.ToJsonString(), Lfs, $"{repository.Name}/{file}",
                cancellationToken)).Dispose();
        progress?.Report(new(file, size, size));
        return (oid, size);
    }

    private async Task PartsAsync(FileStream stream, string file, string oid, string target, JsonElement header, long chunk,
        CancellationToken cancellationToken)
    {
        var parts = new JsonArray();
        foreach ((int number, string href) in header.EnumerateObject()
            .Where(p => int.TryParse(p.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .Select(p => (int.Parse(p.Name, CultureInfo.InvariantCulture), p.Value.GetString()!)).OrderBy(p => p.Item1))
        {
            long from = (number - 1) * chunk;
            using HttpResponseMessage part =
                await connection.PutAsync(href, stream, from, Math.Min(chunk, stream.Length - from), $"{repository.Name}/{file}",
                cancellationToken);
            parts.Add((JsonNode)new JsonObject { ["partNumber"] = number, ["etag"] = HubConnection.Header(part, "ETag") });
        }

        (await connection.PostAsync(target, new JsonObject { ["oid"] = oid, ["parts"] = parts }.ToJsonString(), Lfs,
            $"{repository.Name}/{file}", cancellationToken)).Dispose();
    }

    private async Task<JsonDocument> JsonAsync(string path, string body, string type, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await connection.PostAsync(path, body, type, repository.Name, cancellationToken);
        try
        {
            return JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (JsonException e)
        {
            throw new HubException($"{repository.Name}: the service answered with something that is not JSON.", e);
        }
    }

    private static void Line(StringBuilder lines, string key, JsonObject value) =>
        lines.Append(new JsonObject { ["key"] = key, ["value"] = value }.ToJsonString()).Append('\n');
}
