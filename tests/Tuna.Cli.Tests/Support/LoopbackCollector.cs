using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tuna.Cli.Tests.Support;

/// <summary>An OpenTelemetry collector on this machine: keeps what is posted to it.</summary>
internal sealed class LoopbackCollector : IDisposable
{
    private readonly HttpListener _listener = new();

    public LoopbackCollector()
    {
        for (int attempt = 0; ; attempt++)
        {
            using (var probe = new TcpListener(IPAddress.Loopback, 0)) // the listener cannot choose a free port itself
            {
                probe.Start();
                Address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
            }

            _listener = new HttpListener();
            _listener.Prefixes.Add(Address + "/");
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 10)
            {
            }
        }

        _ = Task.Run(ServeAsync);
    }

    public string Address { get; }

    /// <summary>Requests: path, content type, the header <c>x-collector-key</c>, body with a character for each byte.</summary>
    public ConcurrentQueue<(string Path, string Type, string? Key, string Body)> Requests { get; } = new();

    /// <summary>All that was sent to a path.</summary>
    public string Sent(string path) => string.Concat(Requests.Where(r => r.Path == path).Select(r => r.Body));

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (_listener.IsListening)
            {
                HttpListenerContext context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                Requests.Enqueue((context.Request.Url!.AbsolutePath, context.Request.ContentType ?? "",
                    context.Request.Headers["x-collector-key"], Encoding.Latin1.GetString(body.ToArray())));
                context.Response.StatusCode = 200;
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}
