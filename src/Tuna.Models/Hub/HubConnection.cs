using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Tuna.Text;

namespace Tuna.Models.Hub;

/// <summary>Requests to the service, which follow redirections themselves: the token goes to the service's own address and to no
/// other.</summary>
internal sealed class HubConnection : IDisposable
{
    private const int MostRedirections = 8;
    private readonly HubOptions _options;
    private readonly HttpClient _http;

    public HubConnection(HubOptions options)
    {
        _options = options;
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(30) }) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("tuna/0.1 (dotnet)");
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A JSON answer.</summary>
    public async Task<JsonDocument> JsonAsync(string path, string what, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, path, what, null, follow: true, cancellationToken);
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonDocument.ParseAsync(body, cancellationToken: cancellationToken);
        }
        catch (JsonException e)
        {
            throw new HubException($"{what}: {_options.Endpoint} answered with something that is not JSON.", e);
        }
    }

    /// <summary>Sends a request; the answer is one of success, or of a redirection that was not to be followed.</summary>
    /// <param name="method">GET or HEAD.</param>
    /// <param name="path">The path at the service.</param>
    /// <param name="what">Names the thing asked for, for errors.</param>
    /// <param name="from">Byte to begin at, or null.</param>
    /// <param name="follow">Whether a redirection to another place is followed; one within the service always is.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string what, long? from, bool follow,
        CancellationToken cancellationToken)
    {
        var address = new Uri(_options.Endpoint.AbsoluteUri.TrimEnd('/') + "/" + path);
        for (int hop = 0; hop <= MostRedirections; hop++)
        {
            HttpResponseMessage response = await OneAsync(method, address, what, from, cancellationToken);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308))
                return await CheckedAsync(response, what, cancellationToken);
            Uri? next = response.Headers.Location;
            if (next is null)
                throw Failed(response, what, "it redirects to nowhere");
            bool within = !next.IsAbsoluteUri || IsService(next);
            if (!within && !follow)
                return response;
            response.Dispose();
            next = next.IsAbsoluteUri ? next : new Uri(address, next);
            if (next.Scheme != "https" && next.Scheme != address.Scheme)
                throw new HubException($"{what}: the service redirects from {address.Scheme} to {next.Scheme}, which is not followed.");
            address = next;
        }

        throw new HubException($"{what}: more than {MostRedirections} redirections.");
    }

    /// <summary>Posts text. An address of its own instead of a path is the service's word; the token goes along only where it is the
    /// service's own.</summary>
    public async Task<HttpResponseMessage> PostAsync(string path, string body, string type, string what,
        CancellationToken cancellationToken, int accepts = 0)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Address(path));
        request.Content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type == "application/x-ndjson" ? "application/json" : type));
        HttpResponseMessage response = await SendOnceAsync(request, what, cancellationToken);
        return (int)response.StatusCode == accepts ? response : await CheckedAsync(response, what, cancellationToken);
    }

    /// <summary>Puts a part of a file at an address that the service named.</summary>
    public async Task<HttpResponseMessage> PutAsync(string address, FileStream file, long from, long count, string what,
        CancellationToken cancellationToken)
    {
        file.Position = from;
        using var request = new HttpRequestMessage(HttpMethod.Put, Address(address));
        request.Content = new StreamContent(new PartStream(file, count));
        request.Content.Headers.ContentLength = count;
        return await CheckedAsync(await SendOnceAsync(request, what, cancellationToken), what, cancellationToken);
    }

    private Uri Address(string path)
    {
        if (!Uri.TryCreate(path, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
            return new Uri(_options.Endpoint.AbsoluteUri.TrimEnd('/') + "/" + path);
        return address.Scheme == "https" || address.Scheme == _options.Endpoint.Scheme
            ? address : throw new HubException($"The service names an address of {address.Scheme}, which is not used.");
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, string what, CancellationToken cancellationToken)
    {
        if (_options.Token is { } token && IsService(request.RequestUri!))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            return await _http.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new HubException($"{what}: {request.RequestUri!.Host} cannot be reached ({e.Message}).", e);
        }
    }

    private async Task<HttpResponseMessage> OneAsync(HttpMethod method, Uri address, string what, long? from,
        CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, address);
        if (_options.Token is { } token && IsService(address))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (method == HttpMethod.Head)
            request.Headers.AcceptEncoding.ParseAdd("identity"); // the length is that of the file
        if (from is > 0)
            request.Headers.Range = new RangeHeaderValue(from, null);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new HubException(
                $"{what}: {address.Host} cannot be reached ({e.Message}). Without a network, HF_HUB_OFFLINE=1 takes what is in the cache.",
                e);
        }
    }

    private bool IsService(Uri address) =>
        address.Scheme == _options.Endpoint.Scheme && address.Host == _options.Endpoint.Host && address.Port == _options.Endpoint.Port;

    private async Task<HttpResponseMessage> CheckedAsync(HttpResponseMessage response, string what, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            return response;
        string code = Header(response, "X-Error-Code") ?? "", said = ForeignText.Shorten(Header(response, "X-Error-Message") ?? "", 200);
        if (said.Length == 0)
            said = ForeignText.Shorten(await response.Content.ReadAsStringAsync(cancellationToken), 200);
        string token = _options.Token is null ? "Set HF_TOKEN to a token that may read it." : "The token in HF_TOKEN may not read it.";
        throw Failed(response, what, (response.StatusCode, code) switch
        {
            (_, "GatedRepo") => $"its terms must be accepted on the hub's page first. {token}",
            (_, "RevisionNotFound") => "there is no such revision",
            (_, "EntryNotFound") => "there is no such file",
            (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, _) => $"it does not exist or is private. Check the name. {token}",
            (HttpStatusCode.NotFound, _) => "it does not exist. Check the name",
            (HttpStatusCode.TooManyRequests, _) => "the service refuses more requests for now; try again later",
            _ => said,
        });
    }

    private HubException Failed(HttpResponseMessage response, string what, string why)
    {
        int status = (int)response.StatusCode;
        response.Dispose();
        return new($"{what}: {_options.Endpoint.Host} answered {status}: {why}.");
    }

    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) || response.Content.Headers.TryGetValues(name, out values)
            ? values.FirstOrDefault() : null;
}
