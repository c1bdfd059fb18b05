using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;

namespace Tuna.Chat.Tests.Http;

public sealed class EndlessAnswerTests
{
    private const int Mebibyte = 1 << 20, Answer = 300;

    /// <summary>A service that sends 300 MB is not read to its end.</summary>
    [Fact]
    public async Task Answer_OfThreeHundredMegabytes_IsCutAtTheLimit()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task<int> server = SendAsync(listener);
        using var client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = new Uri($"http://{listener.LocalEndpoint}/v1/") });

        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => client.GetResponseAsync("q"));

        Assert.Equal(ServiceError.TooLarge, CallErrorClassifier.Default.Classify(e).Error!.Code);
        Assert.InRange(await server, 16, Answer - 1); // the limit, and what lay in the buffers when the client hung up
    }

    // Mebibytes that were sent before the client hung up.
    private static async Task<int> SendAsync(TcpListener listener)
    {
        using TcpClient connection = await listener.AcceptTcpClientAsync();
        NetworkStream stream = connection.GetStream();
        byte[] chunk = new byte[Mebibyte];
        _ = await stream.ReadAsync(chunk);
        chunk.AsSpan().Fill((byte)'x');
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"u8.ToArray());
        int sent = 0;
        try
        {
            for (; sent < Answer; sent++)
                await stream.WriteAsync(chunk);
        }
        catch (IOException)
        {
            // The client has hung up.
        }

        return sent;
    }
}
