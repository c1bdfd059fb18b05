using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Tuna.Models.Tests.Hub;

/// <summary>The hub's interface on this machine, with the paths, headers and redirections of the real service; large files lie at a second
/// address, as there.</summary>
internal sealed class LoopbackHub : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly HttpListener _service;
    private readonly HttpListener _store;
    private readonly ConcurrentDictionary<string, byte[]> _files = new();

    public LoopbackHub()
    {
        (_service, Address) = Listen();
        (_store, StoreAddress) = Listen();
        _ = Task.Run(() => ServeAsync(_service, Serve));
        _ = Task.Run(() => ServeAsync(_store, Store));
    }

    public string Address { get; }

    public string StoreAddress { get; }

    /// <summary>What was asked, in order: host, method, path, whether with a token, range.</summary>
    public ConcurrentQueue<(string Place, string Method, string Path, string? Authorization, string? Range)> Requests { get; } = new();

    /// <summary>Token that private things need, or null.</summary>
    public string? Token { get; set; }

    /// <summary>Bytes after which the store breaks off; each answer once.</summary>
    public int? BreakAfter { get; set; }

    /// <summary>Changes the bytes that the store sends.</summary>
    public bool Corrupt { get; set; }

    /// <summary>Sends the whole file whatever range was asked for.</summary>
    public bool IgnoresRanges { get; set; }

    public bool RedirectsToPlainFile { get; set; }

    /// <summary>Bytes of a part of an upload, of which there are two; null for uploads in one piece.</summary>
    public int? PartSize { get; set; }

    /// <summary>What was posted to the service.</summary>
    public ConcurrentQueue<(string Path, string Body)> Bodies { get; } = new();

    /// <summary>What was put into the store.</summary>
    public ConcurrentQueue<(string Path, byte[] Content)> Stored { get; } = new();

    /// <summary>Adds a file of a repository: <c>models/owner/name</c> or <c>datasets/owner/name</c>.</summary>
    public LoopbackHub With(string repository, string file, string content) => With(repository, file, Encoding.UTF8.GetBytes(content));

    public LoopbackHub With(string repository, string file, byte[] content)
    {
        _files[repository + "/" + file] = content;
        return this;
    }

    public void Dispose()
    {
        _service.Close();
        _store.Close();
    }

    private static bool IsLarge(string file) =>
        file.EndsWith(".safetensors", StringComparison.Ordinal) || file.EndsWith(".parquet", StringComparison.Ordinal);

    private void Serve(HttpListenerContext context)
    {
        string path = context.Request.Url!.AbsolutePath.TrimStart('/');
        HttpListenerResponse response = context.Response;
        Requests.Enqueue(("service", context.Request.HttpMethod, path, context.Request.Headers["Authorization"],
            context.Request.Headers["Range"]));
        if (Token is not null && context.Request.Headers["Authorization"] != "Bearer " + Token)
        {
            Fail(response, 401, "RepoNotFound", "Repository not found");
            return;
        }

        string[] parts = path.Split('/');
        if (context.Request.HttpMethod == "POST")
        {
            Post(context, path);
            return;
        }

        if (parts[0] == "api" && parts is [_, var kind, var owner, var name, "revision", "main"])
        {
            string prefix = $"{kind}/{owner}/{name}/";
            string[] files = [.. _files.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Select(k => k[prefix.Length..])
                .Order(StringComparer.Ordinal)];
            if (files.Length == 0)
                Fail(response, 404, "RepoNotFound", "Repository not found");
            else
                Send(response, new JsonObject { ["id"] = $"{owner}/{name}", ["sha"] = Commit,
                    ["siblings"] = new JsonArray([.. files.Select(f => new JsonObject { ["rfilename"] = f })]) }.ToJsonString());
            return;
        }

        string key = parts[0] == "datasets" ? path : "models/" + path;
        key = key.Replace($"/resolve/{Commit}/", "/", StringComparison.Ordinal);
        if (!_files.TryGetValue(key, out byte[]? content))
        {
            Fail(response, 404, "EntryNotFound", "Entry not found");
            return;
        }

        response.Headers["X-Repo-Commit"] = Commit;
        if (IsLarge(key))
        {
            response.Headers["X-Linked-Etag"] = $"\"{Convert.ToHexStringLower(SHA256.HashData(content))}\"";
            response.Headers["X-Linked-Size"] = content.Length.ToString(CultureInfo.InvariantCulture);
            response.StatusCode = 302;
            response.Headers["Location"] = RedirectsToPlainFile ? "file:///etc/hostname" : $"{StoreAddress}/store/{key}?signature=x";
            response.Close();
            return;
        }

        byte[] blob = [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0")), .. content];
#pragma warning disable CA5350 // Git's own hash
        response.Headers["ETag"] = $"\"{Convert.ToHexStringLower(SHA1.HashData(blob))}\"";
#pragma warning restore CA5350
        SendBytes(context, content);
    }

    private void Post(HttpListenerContext context, string path)
    {
        string body = new StreamReader(context.Request.InputStream).ReadToEnd();
        Bodies.Enqueue((path, body));
        if (path == "api/repos/create")
        {
            Fail(context.Response, 409, "", "You already created this model repo");
        }
        else if (path.EndsWith("/preupload/main", StringComparison.Ordinal))
        {
            JsonArray files = JsonNode.Parse(body)!["files"]!.AsArray();
            Send(context.Response, new JsonObject { ["files"] =
                new JsonArray([.. files.Select(f =>
                new JsonObject { ["path"] = f!["path"]!.GetValue<string>(), ["uploadMode"] = IsLarge(f["path"]!.GetValue<string>())
                ? "lfs" : "regular", ["shouldIgnore"] = false })]) }.ToJsonString());
        }
        else if (path.EndsWith(".git/info/lfs/objects/batch", StringComparison.Ordinal))
        {
            JsonNode item = JsonNode.Parse(body)!["objects"]![0]!;
            JsonObject header = PartSize is { } size
                ? new() { ["chunk_size"] = size.ToString(CultureInfo.InvariantCulture), ["00001"] = StoreAddress + "/put/1",
                    ["00002"] = StoreAddress + "/put/2" }
                : [];
            var actions = new JsonObject
            {
                ["upload"] = new JsonObject
                {
                    ["href"] = PartSize is null ? StoreAddress + "/put/whole" : Address + "/complete",
                    ["header"] = header,
                },
                ["verify"] = new JsonObject { ["href"] = Address + "/verify" },
            };
            Send(context.Response, new JsonObject { ["objects"] =
                new JsonArray(new JsonObject { ["oid"] = item["oid"]!.DeepClone(), ["size"] = item["size"]!.DeepClone(),
                ["actions"] = actions }) }.ToJsonString());
        }
        else
        {
            Send(context.Response, new JsonObject { ["commitOid"] = Commit }.ToJsonString());
        }
    }

    private void Store(HttpListenerContext context)
    {
        string path = context.Request.Url!.AbsolutePath.TrimStart('/');
        Requests.Enqueue(("store", context.Request.HttpMethod, path, context.Request.Headers["Authorization"],
            context.Request.Headers["Range"]));
        if (context.Request.HttpMethod == "PUT")
        {
            var uploaded = new MemoryStream();
            context.Request.InputStream.CopyTo(uploaded);
            Stored.Enqueue((path, uploaded.ToArray()));
            context.Response.Headers["ETag"] = "\"" + path + "\"";
            context.Response.Close();
            return;
        }

        byte[] content = [.. _files[path["store/".Length..]]];
        if (Corrupt)
            content[^1] ^= 1;
        SendBytes(context, content);
    }

    private void SendBytes(HttpListenerContext context, byte[] content)
    {
        HttpListenerResponse response = context.Response;
        int from = 0;
        if (context.Request.Headers["Range"] is { } range && !IgnoresRanges)
        {
            from = int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
            response.StatusCode = 206;
            response.Headers["Content-Range"] =
                string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{content.Length - 1}/{content.Length}");
        }

        response.ContentLength64 = content.Length - from;
        if (context.Request.HttpMethod != "HEAD")
        {
            int count = BreakAfter is { } most && most < content.Length - from ? most : content.Length - from;
            response.OutputStream.Write(content, from, count);
            if (count < content.Length - from)
            {
                BreakAfter = null;
                response.OutputStream.Flush();
                response.Abort();
                return;
            }
        }

        response.Close();
    }

    private static void Send(HttpListenerResponse response, string json)
    {
        response.ContentType = "application/json";
        response.OutputStream.Write(Encoding.UTF8.GetBytes(json));
        response.Close();
    }

    private static void Fail(HttpListenerResponse response, int status, string code, string message)
    {
        response.StatusCode = status;
        response.Headers["X-Error-Code"] = code;
        response.Headers["X-Error-Message"] = message;
        Send(response, new JsonObject { ["error"] = message }.ToJsonString());
    }

    private static async Task ServeAsync(HttpListener listener, Action<HttpListenerContext> serve)
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }

            try
            {
                serve(context);
            }
            catch (HttpListenerException)
            {
                // The caller went away.
            }
        }
    }

    private static (HttpListener, string) Listen()
    {
        for (int attempt = 0; ; attempt++)
        {
            int port;
            using (var probe = new TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                port = ((IPEndPoint)probe.LocalEndpoint).Port;
            }

            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                listener.Start();
                return (listener, $"http://127.0.0.1:{port}");
            }
            catch (HttpListenerException) when (attempt < 10)
            {
                listener.Close();
            }
        }
    }
}
