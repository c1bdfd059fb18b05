using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Http;

/// <summary>Sends JSON to a service that speaks the OpenAI protocol, and gives back the text of its answer, without the client's secrets
/// and of bounded size.</summary>
internal sealed class OpenAIEndpoint(HttpClient http, Uri uri, HttpChatOptions options)
{
    private readonly string? _key = options.Secret;
    private readonly SecretFilter _filter = new([options.Secret, .. Uri.UnescapeDataString(uri.UserInfo).Split(':'), .. QueryValues(uri)]);

    /// <summary>Posts a body and returns the answer's text.</summary>
    /// <exception cref="ChatServiceException">The service refused, or its answer is too large.</exception>
    public async Task<string> PostAsync(Action<Utf8JsonWriter> write, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
            write(json);
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(body.ToArray()) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (_key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
            .ConfigureAwait(false);
        (byte[] answer, bool whole) = await ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
        if (whole && PackedBody.Is(answer, response.Content.Headers.ContentEncoding))
            (answer, whole) = PackedBody.Unpack(answer, response.Content.Headers.ContentEncoding, options.MaxAnswerBytes);
        string text = _filter.CleanBody(Decode(answer));
        if (!response.IsSuccessStatusCode)
            throw OpenAIError.Read((int)response.StatusCode, text, RetryAfter(response));
        return whole
            ? text
            : throw ChatServiceException.TooLarge(
                $"It has more than {options.MaxAnswerBytes} bytes ({nameof(HttpChatOptions)}.{nameof(HttpChatOptions.MaxAnswerBytes)}); a "
                + $"smaller limit of the reply's length may help.");
    }

    /// <summary>The text without the client's secrets.</summary>
    public string Clean(string text) => _filter.Clean(text);

    private async Task<(byte[] Bytes, bool Whole)> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > options.MaxAnswerBytes)
            return ([], false);
        using Stream stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using var bytes = new MemoryStream();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 14);
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (bytes.Length + read > options.MaxAnswerBytes)
                    return (bytes.ToArray(), false);
                bytes.Write(buffer, 0, read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return (bytes.ToArray(), true);
    }

    // Bytes that are no UTF-8 become U+FFFD: a reply with one broken character is a reply.
    private static string Decode(byte[] answer)
    {
        string text = Encoding.UTF8.GetString(answer);
        return text.StartsWith('\uFEFF') ? text[1..] : text;
    }

    private static IEnumerable<string> QueryValues(Uri uri) =>
        uri.Query.TrimStart('?').Split('&')
            .Select(pair => Uri.UnescapeDataString(pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..]))
            .Where(value => value.Length >= 16);

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues("retry-after-ms", out IEnumerable<string>? exact) && Number(exact) is { } milliseconds)
            return TimeSpan.FromMilliseconds(milliseconds);
        if (response.Headers.RetryAfter is not { } value)
            return response.Headers.NonValidated.TryGetValues("Retry-After", out HeaderStringValues raw) && Number(raw) is { } seconds
                ? TimeSpan.FromSeconds(seconds) : null;
        if (value.Delta is { } delta)
            return delta;
        // A date is measured against the service's own clock, which it sends along.
        TimeSpan? wait = value.Date - response.Headers.Date;
        return wait is { } w && w > TimeSpan.Zero ? w : null;
    }

    // Fractions of a second are no Retry-After of the standard, but some services send them.
    private static double? Number(IEnumerable<string> values) =>
        double.TryParse(values.FirstOrDefault(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            && number < 1e9 ? number : null;
}
